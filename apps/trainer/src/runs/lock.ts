// One process at a time works in a run's folder.

import { readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { codeOf, GmrError } from "@gmr-conv/core";

const LOCK = "run.lock";

/**
 * Claims a folder for this process, and clears what a killed one left half written.
 * @returns what gives it back
 * @throws GmrError `io` if another process works in it
 */
export function lockFolder(folder: string): () => void {
  const file = path.join(folder, LOCK);
  while (!claim(file)) {
    const [pid, host] = holder(file);
    if (isAlive(pid, host)) {
      throw new GmrError(
        "io",
        `another process works in ${folder} (number ${pid} on ${host}): wait for it, or delete ${file} if it has ended`,
      );
    }
    rmSync(file, { force: true });
  }
  for (const name of readdirSync(folder)) {
    if (/\.\d+\.tmp$/.test(name)) rmSync(path.join(folder, name), { force: true });
  }
  return () => {
    rmSync(file, { force: true });
    try {
      rmdirSync(folder); // Succeeds for a run that came to nothing: the folder is empty.
    } catch {}
  };
}

function claim(file: string): boolean {
  try {
    writeFileSync(file, `${process.pid} ${os.hostname()}`, { flag: "wx" });
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

function holder(file: string): [pid: number, host: string] {
  try {
    const [pid, host] = readFileSync(file, "utf8").split(" ");
    return [Number(pid), host ?? ""];
  } catch {
    return [0, ""]; // It has just been given back.
  }
}

/** Processes of another machine cannot be asked, and count as alive. */
function isAlive(pid: number, host: string): boolean {
  if (!(pid > 0)) return false;
  if (host !== os.hostname()) return true;
  if (pid === process.pid) return false; // What had this number before us.
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
}
