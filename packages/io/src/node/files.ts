// Whole files, with one-line errors.

import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
  writeSync,
} from "node:fs";
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
 * Replaces a file atomically: readers see the old or the new content, never a part, even after a crash or a power cut.
 * If it fails, the old content stays.
 *
 * @param older names that the file's old content moves on to, in the same folder: the old content gets the first name,
 *   what had that name the second, and what had the last one is replaced. What cannot be moved is replaced as well.
 * @throws GmrError `io`, naming the file, and the space left if there is too little
 */
export function writeFileAtomically(
  file: string,
  content: string | Uint8Array,
  older: readonly string[] = [],
): void {
  const temporary = `${file}.${process.pid}.tmp`;
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  try {
    const handle = openSync(temporary, "w");
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(handle, bytes, at);
      fsyncSync(handle); // before it gets its name, which must never lead to an empty file
    } finally {
      closeSync(handle);
    }
    const names = [file, ...older];
    for (let i = names.length - 1; i > 0; i--) {
      try {
        renameSync(names[i - 1], names[i]);
      } catch {} // There is none, or something else is in its place.
    }
    renameSync(temporary, file);
    syncFolder(path.dirname(file));
  } catch (error) {
    const space = spaceLeft(error, file, bytes.length);
    try {
      rmSync(temporary, { force: true });
    } catch {} // Its folder is none, or read-only: the first error says so.
    if (codeOf(error) === "ENOENT" && !existsSync(path.dirname(file))) {
      throw new GmrError("io", `cannot write ${file}: there is no folder ${path.dirname(file)}`, {
        cause: error,
      });
    }
    throw new GmrError("io", `cannot write ${file}: ${reasonOf(error)}${space}`, { cause: error });
  }
}

/** Makes the new name of a file last through a power cut, where the file system can. */
function syncFolder(folder: string): void {
  if (process.platform === "win32") return; // Folders cannot be opened there.
  let handle: number | undefined;
  try {
    handle = openSync(folder, "r");
    fsyncSync(handle);
  } catch (error) {
    // Folders that may not be read, and file systems that do not sync folders.
    if (!["EACCES", "EPERM", "EINVAL", "ENOTSUP", "EISDIR"].includes(String(codeOf(error)))) throw error;
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}

/** How much space there is, and how much is needed, where that is the problem. */
function spaceLeft(error: unknown, file: string, needed: number): string {
  if (!["ENOSPC", "EDQUOT"].includes(String(codeOf(error)))) return "";
  const sizeOf = (size: number): string =>
    size < 1e6 ? `${Math.ceil(size / 1e3)} kB` : `${(size / 1e6).toFixed(1)} MB`;
  try {
    const { bavail, bsize } = statfsSync(path.dirname(file));
    return ` (${sizeOf(bavail * bsize)} free, ${sizeOf(needed)} needed)`;
  } catch {
    return ` (${sizeOf(needed)} needed)`;
  }
}

/**
 * Deletes what killed processes left of files that they were writing with {@link writeFileAtomically}.
 * @param file the name of one of these files: what processes that are alive are writing of it stays. Default: all files
 *   of the folder, in which nobody else may be writing
 */
export function removeTemporaries(folder: string, file?: string): void {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return; // There is no folder yet.
  }
  for (const name of names) {
    const [, of, pid] = /^(.*)\.(\d+)\.tmp$/.exec(name) ?? [];
    if (of === undefined || (file !== undefined && (of !== file || isAlive(Number(pid))))) continue;
    try {
      rmSync(path.join(folder, name), { force: true });
    } catch {} // Of somebody else, or in a folder that is read-only.
  }
}

/** Whether another process has this number. */
function isAlive(pid: number): boolean {
  if (pid === process.pid) return false; // Nothing is being written: that is done in one go.
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
}

function ioError(what: string, cause: unknown): GmrError {
  return new GmrError("io", `${what}: ${reasonOf(cause)}`, { cause });
}
