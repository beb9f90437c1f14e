// Folders that exports are written to. An earlier export is replaced; anything else is left alone unless the user
// says otherwise, and even then no foreign file is deleted.

import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { GmrError } from "@gmr-conv/core";
import { DESCRIPTION_FILE, FORMAT } from "@gmr-conv/web/description";
import { makeOutputFolder } from "../outputs.ts";

/** The file that tells an export from other folders. */
const MARK = path.join("network", DESCRIPTION_FILE);

/**
 * Makes a folder for an export, without what an earlier one left in it.
 * @param own names of what exports of this kind write, deleted if an export wrote them
 * @throws GmrError `io` if it has other content and `overwrite` is false, or cannot be written
 */
export function prepareExport(folder: string, own: readonly string[], overwrite: boolean): void {
  makeOutputFolder(folder);
  if (isExport(folder)) {
    for (const name of own) rmSync(path.join(folder, name), { recursive: true, force: true });
  }
  const left = readdirSync(folder);
  if (left.length === 0 || overwrite) return;
  const some = left.slice(0, 3).join(", ");
  throw new GmrError(
    "io",
    `${folder} has other files (${some}${left.length > 3 ? ", …" : ""}): choose an empty or new folder, or add ` +
      "--overwrite to write among them",
  );
}

function isExport(folder: string): boolean {
  const mark = path.join(folder, MARK);
  return existsSync(mark) && readFileSync(mark, "utf8").includes(`"format": "${FORMAT}"`);
}

/** A written file. */
export interface WrittenFile {
  file: string;
  /** Its size. */
  bytes: number;
  /** Its size as most hosts send it, gzipped. */
  compressed: number;
}

/** The files below a folder, as addresses relative to it. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => statSync(path.join(folder, file)).isFile())
    .map((file) => file.replaceAll("\\", "/"))
    .sort();
}

/** The files of a folder with their sizes, largest first. */
export function filesIn(folder: string): WrittenFile[] {
  return filesBelow(folder)
    .map((file) => {
      const content = readFileSync(path.join(folder, file));
      return { file, bytes: content.length, compressed: gzipSync(content).length };
    })
    .sort((a, b) => b.bytes - a.bytes);
}
