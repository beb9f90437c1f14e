import "fake-indexeddb/auto";
import { mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import { FileStorage } from "./files.ts";
import { IndexedDbStorage } from "./indexedDb.ts";
import { MemoryStorage, type Storage } from "./storage.ts";

const folder = (): string => mkdtempSync(path.join(os.tmpdir(), "gmr-storage-"));

const STORAGES: [string, () => Storage][] = [
  ["MemoryStorage", () => new MemoryStorage()],
  ["IndexedDbStorage", () => new IndexedDbStorage("run one")],
  ["FileStorage", () => new FileStorage(path.join(folder(), "not yet there"))],
];

describe.each(STORAGES)("%s", (_, make) => {
  it("keeps, replaces, lists and removes files", async () => {
    const storage = make();
    expect(await storage.read("a")).toBeUndefined();
    expect(await storage.list()).toEqual([]);
    const bytes = Uint8Array.of(1, 2, 3, 4).subarray(1, 3);
    await storage.write("a", bytes);
    bytes[0] = 9;
    await storage.write("b", new Uint8Array(0));
    expect(Array.from((await storage.read("a")) ?? [])).toEqual([2, 3]);
    expect(await storage.read("b")).toHaveLength(0);
    await storage.write("a", Uint8Array.of(7));
    expect(Array.from((await storage.read("a")) ?? [])).toEqual([7]);
    expect((await storage.list()).sort()).toEqual(["a", "b"]);
    await storage.remove("a");
    await storage.remove("a");
    expect(await storage.list()).toEqual(["b"]);
    await storage.remove("b");
    expect(storage.describe("b")).toContain("b");
  });
});

describe("IndexedDbStorage", () => {
  afterEach(() => vi.unstubAllGlobals());

  it("finds what another one wrote, and nothing of other databases", async () => {
    await new IndexedDbStorage("shared").write("x", Uint8Array.of(5));
    expect(await new IndexedDbStorage("shared").read("x")).toEqual(Uint8Array.of(5));
    expect(await new IndexedDbStorage("other").read("x")).toBeUndefined();
  });

  it("says if IndexedDB is missing", async () => {
    vi.stubGlobal("indexedDB", undefined);
    const message = "the database run: IndexedDB is not available here";
    await expectGmrError(() => new IndexedDbStorage("run").read("x"), "io", message);
  });
});

describe("FileStorage", () => {
  it("leaves no other files behind, and names the file it cannot write", async () => {
    const at = folder();
    const storage = new FileStorage(at);
    await storage.write("a.bin", Uint8Array.of(1));
    expect(readdirSync(at)).toEqual(["a.bin"]);
    writeFileSync(path.join(at, "file"), "");
    const taken = path.join(at, "file");
    await expectGmrError(() => new FileStorage(taken).write("b", Uint8Array.of(1)), "io", RegExp(taken));
  });
});
