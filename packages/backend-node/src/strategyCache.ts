// The measurements of this machine, in a file that outlives the process: one table per device.

import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { describeValue, GmrError, reasonOf } from "@gmr-conv/core";
import { measuredStrategies, restoreMeasuredStrategies } from "@gmr-conv/tfjs";

type Tables = Record<string, Record<string, unknown>>;

/** `gmr-conv/strategies.json` in the user's cache folder. */
export function defaultCacheFile(): string {
  return path.join(cacheFolder(), "gmr-conv", "strategies.json");
}

function cacheFolder(): string {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (process.platform === "win32" && LOCALAPPDATA) return LOCALAPPDATA;
  if (process.platform === "darwin") return path.join(os.homedir(), "Library", "Caches");
  return XDG_CACHE_HOME || path.join(os.homedir(), ".cache");
}

/** Restores the measurements of a device; does nothing if the file is missing or invalid. */
export function restoreStrategies(file: string, device: string): void {
  const table = readTables(file)[device];
  try {
    if (table) restoreMeasuredStrategies(table);
  } catch {
    // An unreadable cache is as good as none; the next save replaces the table.
  }
}

/**
 * Adds all measurements of the backend `tensorflow` to the file, which other processes may have written to.
 * @throws GmrError `io` if the file cannot be written
 */
export function saveStrategies(file: string, device: string): void {
  const mine = Object.entries(measuredStrategies()).filter(([key]) => key.startsWith("tensorflow "));
  const before = readTables(file);
  const known = Object.entries(before[device] ?? {}).filter(([, choice]) => isChoice(choice));
  const tables = { ...before, [device]: Object.fromEntries([...known, ...mine]) };
  const fresh = `${file}.${randomUUID()}`;
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(fresh, `${JSON.stringify(tables, undefined, 1)}\n`);
    renameSync(fresh, file);
  } catch (error) {
    if (existsSync(fresh)) rmSync(fresh);
    throw new GmrError(
      "io",
      `cannot write the measured strategies to ${describeValue(file)}: ${reasonOf(error)}`,
      { cause: error },
    );
  }
}

function readTables(file: string): Tables {
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
    return Object.fromEntries(Object.entries(value).filter(([, table]) => isTable(table)));
  } catch {
    return {};
  }
}

const isChoice = (value: unknown): boolean => value === "ring" || value === "dense";

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
