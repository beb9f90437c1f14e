// Starting a run, or going on with one. What was trained is never deleted unless asked.

import { describeValue, GmrError } from "@gmr-conv/core";
import { checkpointName, readWeightsFile } from "@gmr-conv/training";
import type { Resolved } from "../config/resolve.ts";
import type { RunConfig } from "../config/schema.ts";
import { lockFolder } from "./lock.ts";
import { dropMetricsAfter } from "./metrics.ts";
import type { RunFolder } from "./runFolder.ts";

/**
 * - `new`: a run that holds checkpoints is refused.
 * - `resume`: there must be a run.
 * - `continue`: go on where there are checkpoints, else start.
 * - `overwrite`: start anew; what there was is deleted once there is a checkpoint of the new run.
 */
export type Start = "new" | "resume" | "continue" | "overwrite";

/** How a command line asks for it; `otherwise` where it does not. */
export function startOf(options: { resume: boolean; overwrite: boolean }, otherwise: Start): Start {
  if (options.resume && options.overwrite) {
    throw new GmrError("invalid-argument", "--resume and --overwrite exclude each other: give one of them");
  }
  return options.resume ? "resume" : options.overwrite ? "overwrite" : otherwise;
}

/**
 * Opens a run for training and does its work: no other process works in its folder meanwhile, and what the run
 * overwrites is kept until it comes to something.
 * @param wanted the settings, given those that the run was started with, where it goes on
 * @throws GmrError as {@link openRun}; `io` if another process works in the folder; what `work` throws
 */
export async function inRun<T>(
  run: RunFolder,
  wanted: (stored?: RunConfig) => Promise<Resolved>,
  start: Start,
  work: (resolved: Resolved) => Promise<T>,
): Promise<T> {
  return whileLocked(run, async () => {
    try {
      return await work(await openRun(run, wanted, start));
    } finally {
      await run.settle();
    }
  });
}

/** Does something in a run's folder that no other process may work in meanwhile. @throws GmrError `io` if one does */
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
 * @param wanted the settings, given those that the run was started with, where it goes on
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
      `${run.folder} holds a trained run (${results.join(", ")}): add --resume to go on with it, ` +
        "--overwrite to start anew and lose it, or give another --name",
    );
  }
  if (start === "overwrite") await run.setAside();
  run.write("metrics.jsonl", "");
  writeConfig(run, resolved.config);
  return resolved;
}

const writeConfig = (run: RunFolder, config: RunConfig): void =>
  run.write("config.json", `${JSON.stringify(config, undefined, 2)}\n`);

/** What may change when a run goes on, since it does not decide what is trained. */
const FREE =
  /^(title|loaders|cacheMegabytes|evaluation\..*|evaluation|networks\.\d+\.(label|train\.checkpointSeconds|train\.keepEvery))$/;

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
      `${run.folder} was started with other settings (${list.join("; ")}): leave these options out to go on with the ` +
        "run's own, or give another --name; only the epochs can change, to more",
    );
  }
  if (changes.length > 0) writeConfig(run, config);
  for (const { name, label } of config.networks) {
    const position = (await readWeightsFile(run.storage, checkpointName(name)))?.position;
    if (!position) console.error(`${label}: no checkpoint yet, its training starts at the beginning`);
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

/** Objects, and lists of objects: lists of numbers are compared whole. */
function isTree(value: unknown): value is Record<string, unknown> {
  if (Array.isArray(value)) return value.some((entry) => typeof entry === "object" && entry !== null);
  return typeof value === "object" && value !== null;
}
