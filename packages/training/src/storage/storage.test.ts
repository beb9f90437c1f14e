import "fake-indexeddb/auto";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
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

    for (let n = 1; n <= 4; n++) await storage.write("c", Uint8Array.of(n), ["c-1", "c-2"]);
    const kept = ["c", "c-1", "c-2"].map(async (name) => Array.from((await storage.read(name)) ?? []));
    expect(await Promise.all(kept)).toEqual([[4], [3], [2]]);
    expect(await storage.list()).toHaveLength(3);
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

  it("removes what killed processes left, and moves folders that are in the way", async () => {
    const at = folder();
    const ended = spawnSync(process.execPath, ["-e", ""]).pid;
    for (const pid of [ended, process.pid, process.ppid])
      writeFileSync(path.join(at, `a.${pid}.tmp`), "half");
    writeFileSync(path.join(at, `b.${ended}.tmp`), "half");
    mkdirSync(path.join(at, "a", "full"), { recursive: true });
    const storage = new FileStorage(at);
    await expectGmrError(
      () => storage.write("a", Uint8Array.of(1)),
      "io",
      /a: it is a folder, expected a file$/,
    );
    await storage.write("a", Uint8Array.of(1), ["a-1"]);
    // The parent lives, and b is another file.
    const left = ["a", "a-1", `a.${process.ppid}.tmp`, `b.${ended}.tmp`];
    expect(readdirSync(at).sort()).toEqual(left.sort());
    expect(readdirSync(path.join(at, "a-1"))).toEqual(["full"]);
    await storage.write("a", Uint8Array.of(2), ["a-1"]); // It cannot move on, and is replaced.
    expect(await storage.read("a")).toEqual(Buffer.of(2));
  });
});
