// A lock on a run's folder, so that one process at a time works there.

import { readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { codeOf, GmrError, reasonOf } from "@gmr-conv/core";
import { removeTemporaries } from "@gmr-conv/io/node";

const LOCK = "run.lock";

/** How long a process that was killed may take to end, before it counts as working. */
const MS_TO_END = 3000;

/**
 * Locks a folder for this process and removes what a killed one left half written.
 * @returns a function that unlocks it
 * @throws GmrError `io` if another process works in it
 */
export function lockFolder(folder: string): () => void {
  const file = path.join(folder, LOCK);
  const until = performance.now() + MS_TO_END;
  while (!claim(file)) {
    const [pid, host] = holder(file);
    if (!isAlive(pid, host)) {
      rmSync(file, { force: true });
    } else if (performance.now() < until) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    } else {
      throw new GmrError(
        "io",
        `another process works in ${folder} (PID ${pid} on ${host}): wait for it, or delete ${file} if it has ended`,
      );
    }
  }
  removeTemporaries(folder);
  return () => {
    try {
      rmSync(file, { force: true });
      rmdirSync(folder); // Succeeds if the run left nothing in its folder.
    } catch {} // On a disk that has become read-only the lock stays, and does not block a later process.
  };
}

function claim(file: string): boolean {
  try {
    writeFileSync(file, `${process.pid} ${os.hostname()}`, { flag: "wx" });
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw new GmrError("io", `cannot write ${file}: ${reasonOf(error)}`, { cause: error });
  }
}

function holder(file: string): [pid: number, host: string] {
  try {
    const [pid, host] = readFileSync(file, "utf8").split(" ");
    return [Number(pid), host ?? ""];
  } catch {
    return [0, ""]; // It has just been unlocked.
  }
}

/** Processes on another machine cannot be checked and count as alive. */
function isAlive(pid: number, host: string): boolean {
  if (!(pid > 0)) return false;
  if (host !== os.hostname()) return true;
  if (pid === process.pid) return false; // An earlier process with our PID.
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
}
