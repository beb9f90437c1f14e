#!/usr/bin/env node
// Errors are one line; the exit code is 1, or 130 after Ctrl-C.

import { GmrError, reasonOf } from "@gmr-conv/core";
import { makeProgram } from "./program.ts";

// The reader of the output may stop early, as `head` does.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

// A closed terminal or a log on a full disk ends no training: what cannot be printed is not printed.
process.stderr.on("error", () => {});

/** The path that a failure of the file system is about. */
function placeOf(error: unknown): string {
  const isPlace = typeof error === "object" && error !== null && "syscall" in error && "path" in error;
  return isPlace ? `${error.path}: ` : "";
}

const program = makeProgram();
try {
  await program.parseAsync();
} catch (error) {
  if (program.opts().debug) console.error(error);
  else console.error(`gmr: ${placeOf(error)}${reasonOf(error)}`);
  process.exitCode = error instanceof GmrError && error.code === "interrupted" ? 130 : 1;
}
