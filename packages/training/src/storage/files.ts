import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { codeOf, GmrError, reasonOf } from "@gmr-conv/core";
import { removeTemporaries, writeFileAtomically } from "@gmr-conv/io/node";
import type { Storage } from "./storage.ts";

/**
 * The files of a folder, which is created with the first one. What killed processes left half written is deleted when
 * the same file is written again.
 */
export class FileStorage implements Storage {
  readonly folder: string;
  /** Files without such remains. */
  private readonly clean = new Set<string>();

  constructor(folder: string) {
    this.folder = folder;
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    try {
      return await readFile(this.describe(name));
    } catch (cause) {
      if (["ENOENT", "ENOTDIR"].includes(String(codeOf(cause)))) return undefined;
      throw new GmrError("io", `cannot read ${this.describe(name)}: ${reasonOf(cause)}`, { cause });
    }
  }

  async write(name: string, bytes: Uint8Array, older: readonly string[] = []): Promise<void> {
    try {
      await mkdir(this.folder, { recursive: true });
    } catch (cause) {
      throw new GmrError("io", `cannot make ${this.folder}: ${reasonOf(cause)}`, { cause });
    }
    if (!this.clean.has(name)) removeTemporaries(this.folder, name);
    this.clean.add(name);
    writeFileAtomically(
      this.describe(name),
      bytes,
      older.map((other) => this.describe(other)),
    );
  }

  async remove(name: string): Promise<void> {
    await rm(this.describe(name), { force: true });
  }

  async list(): Promise<string[]> {
    return readdir(this.folder).catch(() => []);
  }

  describe(name: string): string {
    return path.join(this.folder, name);
  }
}
