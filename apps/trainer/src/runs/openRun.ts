// Starting or continuing a run. What was trained is never deleted unless requested.

import { describeValue, GmrError } from "@gmr-conv/core";
import { readCheckpoint } from "@gmr-conv/training";
import type { Resolved } from "../config/resolve.ts";
import type { RunConfig } from "../config/schema.ts";
import { lockFolder } from "./lock.ts";
import { dropMetricsAfter } from "./metrics.ts";
import type { RunFolder } from "./runFolder.ts";

/**
 * - `new`: refuse to start if the run has results.
 * - `resume`: the run must exist.
 * - `continue`: continue if there are checkpoints, else start.
 * - `overwrite`: start over; the old run is deleted once the new one has a checkpoint.
 */
export type Start = "new" | "resume" | "continue" | "overwrite";

/** What the options of a command ask for, or else `otherwise`. */
export function startOf(options: { resume: boolean; overwrite: boolean }, otherwise: Start): Start {
  if (options.resume && options.overwrite) {
    throw new GmrError("invalid-argument", "--resume and --overwrite exclude each other: give only one");
  }
  return options.resume ? "resume" : options.overwrite ? "overwrite" : otherwise;
}

/**
 * Opens a run for training and does its work, with the folder locked. What the run overwrites is kept until there is
 * a new checkpoint.
 * @param wanted returns the settings, given the stored ones if the run continues
 * @throws GmrError as {@link openRun}; `io` if another process works in the folder; what `work` throws
 */
export async function inRun<T>(
  run: RunFolder,
  wanted: (stored?: RunConfig) => Promise<Resolved>,
  start: Start,
  work: (resolved: Resolved) => Promise<T>,
): Promise<T> {
  return whileLocked(run, async () => {
    let result: T;
    try {
      result = await work(await openRun(run, wanted, start));
    } catch (error) {
      await run.settle().catch(() => {}); // The first error says what is wrong with the folder.
      throw error;
    }
    await run.settle();
    return result;
  });
}

/** Does something with a run's folder locked. @throws GmrError `io` if another process works there */
export async function whileLocked<T>(run: RunFolder, work: () => Promise<T>): Promise<T> {
  await run.create();
  const unlock = lockFolder(run.folder);
  try {
    return await work();
  } finally {
    unlock();
  }
}

/**
 * Prepares a run's folder for training.
 * @param wanted returns the settings, given the stored ones if the run continues
 * @returns the settings
 * @throws GmrError `invalid-argument` for a run that would be lost, or for other settings than it was started with
 *   (but for more epochs), naming each with both values; `io` if there is nothing to resume or the folder cannot be
 *   written
 */
async function openRun(
  run: RunFolder,
  wanted: (stored?: RunConfig) => Promise<Resolved>,
  start: Start,
): Promise<Resolved> {
  await run.settle();
  const checkpoints = await run.checkpoints();
  if (start === "resume" || (start === "continue" && checkpoints.length > 0)) {
    const stored = await run.readConfigIfAny();
    if (!stored) throw new GmrError("io", `nothing to resume: ${run.file("config.json")} does not exist`);
    return resume(run, stored, await wanted(stored));
  }
  const resolved = await wanted();
  const results = await run.results();
  if (results.length > 0 && start === "new") {
    throw new GmrError(
      "invalid-argument",
      `${run.folder} has a trained run (${results.join(", ")}): add --resume to continue it, ` +
        "--overwrite to start over and lose it, or give another --name",
    );
  }
  if (start === "overwrite") await run.setAside();
  run.write("metrics.jsonl", "");
  writeConfig(run, resolved.config);
  return resolved;
}

const writeConfig = (run: RunFolder, config: RunConfig): void =>
  run.write("config.json", `${JSON.stringify(config, undefined, 2)}\n`);

/** Settings that may change when a run continues, since they do not affect training. */
const FREE =
  /^(title|loaders|cacheMegabytes|evaluation(\..*)?|networks\.\d+\.(label|train\.(checkpointSeconds|keepCheckpoints|retrySeconds|keepEvery)))$/;

async function resume(run: RunFolder, stored: RunConfig, resolved: Resolved): Promise<Resolved> {
  const { config } = resolved;
  const changes = differences(stored, config);
  const refused = changes.filter(({ path, before, now }) => {
    const isMore = /^networks\.\d+\.train\.epochs$/.test(path) && Number(now) > Number(before);
    return !isMore && !FREE.test(path);
  });
  if (refused.length > 0) {
    const list = refused.map(
      ({ path, before, now }) => `${path} was ${describeValue(before)}, now ${describeValue(now)}`,
    );
    throw new GmrError(
      "invalid-argument",
      `${run.folder} was started with other settings (${list.join("; ")}): omit these options to continue with the ` +
        "run's own, or give another --name; only the epochs can be increased",
    );
  }
  if (changes.length > 0) writeConfig(run, config);
  for (const { name, label } of config.networks) {
    const position = (await readCheckpoint(run.storage, name))?.position;
    if (!position) console.error(`${label}: no checkpoint yet, training starts at the beginning`);
    const spoilt = await dropMetricsAfter(run, name, position?.step ?? 0);
    if (spoilt > 0) console.error(`${run.file("metrics.jsonl")}: ${spoilt} invalid lines dropped`);
  }
  return resolved;
}

interface Difference {
  /** Such as `optimizer.learningRate`. */
  path: string;
  before: unknown;
  now: unknown;
}

/** Where two JSON values differ. */
export function differences(before: unknown, now: unknown, path = ""): Difference[] {
  const [a, b] = [before, now].map((value) => (value === undefined ? undefined : JSON.stringify(value)));
  if (a === b) return [];
  if (!isTree(before) || !isTree(now)) return [{ path, before, now }];
  const keys = new Set([...Object.keys(before), ...Object.keys(now)]);
  return [...keys].flatMap((key) => differences(before[key], now[key], path ? `${path}.${key}` : key));
}

/** Whether to compare key by key: objects and lists of objects, but not lists of numbers. */
function isTree(value: unknown): value is Record<string, unknown> {
  if (Array.isArray(value)) return value.some((entry) => typeof entry === "object" && entry !== null);
  return typeof value === "object" && value !== null;
}
