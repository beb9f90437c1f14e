// Whole files, with one-line errors.

import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { codeOf, GmrError, reasonOf } from "@gmr-conv/core";

/** The bytes of a file. @throws GmrError `io`, naming the file */
export async function readFileBytes(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    throw ioError(`cannot read ${file}`, error);
  }
}

/**
 * Replaces a file atomically: readers see the old or the new content, never a part, even after a crash.
 * @throws GmrError `io`, naming the file
 */
export function writeFileAtomically(file: string, content: string | Uint8Array): void {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    const handle = openSync(temporary, "w");
    try {
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      for (let at = 0; at < bytes.length; ) at += writeSync(handle, bytes, at);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(temporary, file);
  } catch (error) {
    try {
      rmSync(temporary, { force: true });
    } catch {} // Its folder is none: the first error says so.
    if (codeOf(error) === "ENOENT" && !existsSync(path.dirname(file))) {
      throw new GmrError("io", `cannot write ${file}: there is no folder ${path.dirname(file)}`, {
        cause: error,
      });
    }
    throw ioError(`cannot write ${file}`, error);
  }
}

function ioError(what: string, cause: unknown): GmrError {
  return new GmrError("io", `${what}: ${reasonOf(cause)}`, { cause });
}
