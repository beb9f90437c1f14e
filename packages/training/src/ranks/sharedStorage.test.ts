import { codeOf, GmrError } from "@gmr-conv/core";
import { type Communicator, singleProcess } from "@gmr-conv/distributed";
import { expect, it } from "vitest";
import { MemoryStorage, type Storage } from "../storage/storage.ts";
import { sharedStorage } from "./sharedStorage.ts";

/** Two ranks in one process, which can only broadcast. */
function twoRanks(): [Communicator, Communicator] {
  const sent: Uint8Array[] = [];
  const waiting: ((bytes: Uint8Array) => void)[] = [];
  const pass = (): void => {
    while (sent.length > 0 && waiting.length > 0) waiting.shift()?.(sent.shift() as Uint8Array);
  };
  const first = async (bytes: Uint8Array = new Uint8Array(0)): Promise<Uint8Array> => {
    sent.push(bytes);
    pass();
    return bytes;
  };
  const second = (): Promise<Uint8Array> =>
    new Promise((resolve) => {
      waiting.push(resolve);
      pass();
    });
  return [
    { ...singleProcess(), rank: 0, size: 2, broadcast: first },
    { ...singleProcess(), rank: 1, size: 2, broadcast: second },
  ];
}

it("gives all ranks what rank 0 reads, also its errors, and lets it alone write", async () => {
  const failing = new GmrError("io", "cannot read it", { cause: { code: "EISDIR" } });
  const own = new MemoryStorage();
  const real: Storage = {
    read: (name) => (name === "folder" ? Promise.reject(failing) : own.read(name)),
    write: (name, bytes) => own.write(name, bytes),
    remove: (name) => own.remove(name),
    list: () => own.list(),
    describe: (name) => own.describe(name),
  };
  const [one, two] = twoRanks();
  const [first, second] = [sharedStorage(one, real), sharedStorage(two, new MemoryStorage())];
  for (const storage of [second, first]) await storage.write("a", Uint8Array.of(Number(storage === first)));
  const both = <T>(work: (storage: Storage) => Promise<T>): Promise<T[]> =>
    Promise.all([work(first), work(second)]);
  expect(await both((storage) => storage.read("a"))).toEqual([Uint8Array.of(1), Uint8Array.of(1)]);
  expect(await both((storage) => storage.read("b"))).toEqual([undefined, undefined]);
  expect(await both((storage) => storage.list())).toEqual([["a"], ["a"]]);
  const errors = await both((storage) => storage.read("folder").catch((error: unknown) => error));
  for (const error of errors) {
    expect(error).toMatchObject({ code: "io", message: "cannot read it" });
    expect(codeOf((error as Error).cause)).toBe("EISDIR");
  }
});
