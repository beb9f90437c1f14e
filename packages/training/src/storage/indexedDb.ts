import { GmrError, reasonOf } from "@gmr-conv/core";
import type { Storage } from "./storage.ts";

const STORE = "files";

/** Files in a browser's database, which survive a reload. Each write is its own transaction. */
export class IndexedDbStorage implements Storage {
  private readonly database: string;

  /** @param database its name, one for each training */
  constructor(database: string) {
    this.database = database;
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    const found = await this.run<unknown>("readonly", (store) => store.get(name));
    return found instanceof Uint8Array ? found : undefined;
  }

  async write(name: string, bytes: Uint8Array, older: readonly string[] = []): Promise<void> {
    const names = [name, ...older];
    await this.run("readwrite", (store) => {
      // Requests are answered in their order: each name is read before it gets its new content.
      for (let i = names.length - 1; i > 0; i--) {
        const old = store.get(names[i - 1]);
        old.onsuccess = () => old.result !== undefined && store.put(old.result, names[i]);
      }
      return store.put(bytes.slice(), name);
    });
  }

  async remove(name: string): Promise<void> {
    await this.run("readwrite", (store) => store.delete(name));
  }

  async list(): Promise<string[]> {
    return (await this.run<IDBValidKey[]>("readonly", (store) => store.getAllKeys())).map(String);
  }

  describe(name: string): string {
    return `${name} in the database ${this.database}`;
  }

  private async run<T>(mode: IDBTransactionMode, request: (store: IDBObjectStore) => IDBRequest): Promise<T> {
    try {
      const database = await this.open();
      try {
        return await new Promise<T>((resolve, reject) => {
          const transaction = database.transaction(STORE, mode);
          const asked = request(transaction.objectStore(STORE));
          transaction.oncomplete = () => resolve(asked.result as T);
          transaction.onabort = () => reject(transaction.error ?? asked.error);
          transaction.onerror = () => reject(transaction.error ?? asked.error);
        });
      } finally {
        database.close();
      }
    } catch (cause) {
      throw new GmrError("io", `the database ${this.database}: ${reasonOf(cause)}`, { cause });
    }
  }

  private open(): Promise<IDBDatabase> {
    return new Promise((resolve, reject) => {
      if (typeof indexedDB === "undefined") {
        reject(new Error("IndexedDB is not available here"));
        return;
      }
      const request = indexedDB.open(this.database, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(STORE);
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
      request.onblocked = () => reject(new Error("another tab holds an older version of it"));
    });
  }
}
