// What a start of the command does: runs it, and prints its error.

import { GmrError, reasonOf } from "@gmr-conv/core";
import { type Command, CommanderError } from "commander";
import { makeProgram } from "./program.ts";

/** Runs the command that the arguments of the process name. Sets the exit code: 1 after an error, 130 after Ctrl-C. */
export async function main(): Promise<void> {
  const program = makeProgram();
  throwErrors(program);
  try {
    await program.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode; // It is printed.
      return;
    }
    if (program.opts().debug) console.error(error);
    else console.error(`gmr: ${placeOf(error)}${reasonOf(error)}`);
    process.exitCode = error instanceof GmrError && error.code === "interrupted" ? 130 : 1;
  }
}

/** Lets a program and its commands throw instead of ending the process. */
function throwErrors(command: Command): void {
  command.exitOverride();
  for (const inner of command.commands) throwErrors(inner);
}

/** The path that a failure of the file system is about. */
function placeOf(error: unknown): string {
  const isPlace = typeof error === "object" && error !== null && "syscall" in error && "path" in error;
  return isPlace ? `${error.path}: ` : "";
}
