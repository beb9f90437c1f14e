// Reading folders and files, with errors that name them.

import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { codeOf, GmrError, reasonOf } from "@gmr-conv/core";

/** The entries of a folder without hidden ones, sorted by name. @throws GmrError `io` */
export async function listFolder(folder: string): Promise<{ folders: string[]; files: string[] }> {
  try {
    const entries = (await readdir(folder, { withFileTypes: true })).filter(
      ({ name }) => !name.startsWith("."),
    );
    const names = (kind: "isDirectory" | "isFile") =>
      entries
        .filter((entry) => (entry.isSymbolicLink() ? kind === "isFile" : entry[kind]()))
        .map(({ name }) => name)
        .sort(byCodePoints);
    return { folders: names("isDirectory"), files: names("isFile") };
  } catch (cause) {
    const missing = codeOf(cause) === "ENOENT" || codeOf(cause) === "ENOTDIR";
    const isFile = await stat(folder).then(
      (found) => found.isFile(),
      () => false,
    );
    const problem = isFile ? "it is a file, expected a folder" : "no such folder";
    throw new GmrError("io", `${folder}: ${missing ? problem : `cannot be read (${reasonOf(cause)})`}`, {
      cause,
    });
  }
}

/** An order that is the same on every machine. */
export const byCodePoints = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The paths of all files below a folder that pass, sorted. @throws GmrError `io` */
export async function filesBelow(folder: string, passes: (name: string) => boolean): Promise<string[]> {
  const { folders, files } = await listFolder(folder);
  const own = files.filter(passes).map((name) => path.join(folder, name));
  const below = await Promise.all(folders.map((name) => filesBelow(path.join(folder, name), passes)));
  return [...own, ...below.flat()].sort(byCodePoints);
}

/** A file's bytes, or undefined if it does not exist. @throws GmrError `io` */
export async function readIfPresent(file: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(file);
  } catch (cause) {
    if (codeOf(cause) === "ENOENT" || codeOf(cause) === "ENOTDIR") return undefined;
    throw new GmrError("io", `${file}: cannot be read (${reasonOf(cause)})`, { cause });
  }
}

/** A file's bytes. @param expected describes the file in errors @throws GmrError `io` */
export async function readRequired(file: string, expected: string): Promise<Uint8Array> {
  const bytes = await readIfPresent(file);
  if (bytes) return bytes;
  throw new GmrError("io", `${file}: no such file, expected ${expected}`);
}

/**
 * A file, or else the file with `.gz` appended, unpacked.
 * @throws GmrError `io` if neither exists, `invalid-data` for a damaged archive
 */
export async function readPlainOrGzip(
  file: string,
  expected: string,
): Promise<{ path: string; bytes: Uint8Array }> {
  const plain = await readIfPresent(file);
  if (plain !== undefined) return { path: file, bytes: plain };
  const packed = await readIfPresent(`${file}.gz`);
  if (packed === undefined) {
    throw new GmrError("io", `${file}: no such file, expected ${expected}, with or without .gz`);
  }
  try {
    return { path: `${file}.gz`, bytes: await promisify(gunzip)(packed) };
  } catch (cause) {
    throw new GmrError("invalid-data", `${file}.gz: damaged gzip data (${reasonOf(cause)})`, { cause });
  }
}
