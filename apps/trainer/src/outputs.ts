// Where commands write, checked before a long computation.

import { accessSync, constants, mkdirSync, statSync } from "node:fs";
import path from "node:path";
import { GmrError, reasonOf } from "@gmr-conv/core";

/** Checks that a file can be written. @throws GmrError `io`, saying why not */
export function checkOutputFile(file: string): void {
  const refuse = (why: string): never => {
    throw new GmrError("io", `cannot write ${file}: ${why}`);
  };
  if (isFolder(file)) refuse("it is a folder, expected a file");
  const folder = path.dirname(path.resolve(file));
  if (!isFolder(folder)) refuse(`${folder} is not a folder: create it first`);
  try {
    accessSync(folder, constants.W_OK);
  } catch (error) {
    refuse(`${folder}: ${reasonOf(error)}`);
  }
}

/** Makes a folder for output. @throws GmrError `io` if that cannot be */
export function makeOutputFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    const why = isFile(folder) ? "it is a file, expected a folder" : reasonOf(error);
    throw new GmrError("io", `cannot write to ${folder}: ${why}`, { cause: error });
  }
}

function isFolder(file: string): boolean {
  try {
    return statSync(file).isDirectory();
  } catch {
    return false;
  }
}

function isFile(file: string): boolean {
  try {
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
