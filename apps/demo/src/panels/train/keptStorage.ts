// Checkpoints in the browser's database, or in memory where it keeps nothing.

import { reasonOf } from "@gmr-conv/core";
import { IndexedDbStorage, MemoryStorage, type Storage } from "@gmr-conv/training";

const DATABASE = "gmr-conv-train";

/** A reloaded page waits so long for its former self to let go of the database. */
const PATIENCE_MS = 2000;

/**
 * Claims the database for this worker until it ends.
 * @returns false if another tab has it, whose checkpoints would be overwritten
 */
export function claimDatabase(): Promise<boolean> {
  const { locks } = navigator as { locks?: LockManager };
  if (!locks) return Promise.resolve(true); // pages without https, old browsers
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const kept = locks.request(DATABASE, { signal }, () => {
      resolve(true);
      return new Promise<never>(() => undefined);
    });
    kept.catch(() => resolve(false));
  });
}

/** A storage that goes on in memory when the database fails: training must not end for that. */
export class KeptStorage implements Storage {
  private readonly database: Storage;
  private readonly memory = new MemoryStorage();
  private readonly onProblem: (text: string) => void;
  private told = false;

  /** @param onProblem called once, with what the visitor should know */
  constructor(onProblem: (text: string) => void, database: Storage = new IndexedDbStorage(DATABASE)) {
    this.onProblem = onProblem;
    this.database = database;
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    return (await this.memory.read(name)) ?? this.attempt(() => this.database.read(name), undefined);
  }

  async write(name: string, bytes: Uint8Array, older: readonly string[] = []): Promise<void> {
    const kept = await this.attempt(() => this.database.write(name, bytes, older).then(() => true), false);
    if (!kept) return this.memory.write(name, bytes, older);
    for (const each of [name, ...older]) await this.memory.remove(each);
  }

  async remove(name: string): Promise<void> {
    await this.memory.remove(name);
    await this.attempt(() => this.database.remove(name), undefined);
  }

  async list(): Promise<string[]> {
    const names = await this.attempt(() => this.database.list(), []);
    return [...new Set([...names, ...(await this.memory.list())])];
  }

  describe(name: string): string {
    return this.database.describe(name);
  }

  private async attempt<T>(work: () => Promise<T>, otherwise: T): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!this.told) this.onProblem(explain(error));
      this.told = true;
      return otherwise;
    }
  }
}

function explain(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const full = cause instanceof Error && cause.name === "QuotaExceededError";
  const why = full
    ? "The browser's storage for this page is full"
    : `The browser stores nothing for this page, as in private windows (${reasonOf(error)})`;
  return `${why}: training works, but what it learns from now on is lost when the page is closed or reloaded.`;
}
