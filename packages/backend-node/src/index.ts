// GMR-Conv on the native TensorFlow library: `await useNode()`, and the ops of `@gmr-conv/tfjs` run on kernels made
// of its ops. Importing this module before @tensorflow/tfjs-node is what makes that package work on Node 23 and later.

import os from "node:os";
import { checkPositiveInteger, describeValue, GmrError } from "@gmr-conv/core";
import {
  forgetMeasuredStrategies,
  registerLayers,
  setCostModel,
  setNonFiniteCheck,
  startBackend,
  type TunedStrategy,
  type TuneOptions,
  tuneStrategies,
} from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { costModel } from "./costModel.ts";
import { nodeDevice } from "./device.ts";
import { loadPackage, PACKAGES, type PackageName, usablePackage } from "./load.ts";
import { isNativeBackend } from "./nativeBackend.ts";
import { holdsNonFinite } from "./nonFinite.ts";
import { registerKernels } from "./register.ts";
import { type NativeState, node } from "./state.ts";
import { defaultCacheFile, restoreStrategies, saveStrategies } from "./strategyCache.ts";

export { type DriverGpu, driverGpus, type NodeDevice, nodeDevice } from "./device.ts";
export { type InstalledPackage, installedPackages, type PackageName } from "./load.ts";

export interface UseNodeOptions {
  /**
   * Which package to load, at the first call. Default: the first of `-gpu` and the plain one that has its native binding.
   */
  package?: PackageName | undefined;
  /**
   * Threads of one op on the CPU. Default: TensorFlow's own, all processors. Counts only before the library has
   * started, that is at the first call.
   */
  threads?: number | undefined;
  /**
   * Same inputs, same bits, run after run: asks TensorFlow and cuDNN for deterministic algorithms (counts only at the
   * first call) and chooses strategies by shapes alone, never by measurements. Default false.
   */
  deterministic?: boolean | undefined;
  /**
   * File of the measured strategies; false for none. Default: that of the call before, at first `gmr-conv/strategies.json`
   * in the user's cache folder.
   */
  cache?: string | false | undefined;
}

/** Where strategies are remembered; undefined for nowhere. */
function cacheFile({ deterministic, cache }: NativeState): string | undefined {
  if (deterministic || cache === false) return undefined;
  return cache ?? defaultCacheFile();
}

/**
 * Loads `@tensorflow/tfjs-node-gpu` or `@tensorflow/tfjs-node`, makes its backend `tensorflow` the active one and adds
 * our kernels to it. Calling it again is cheap.
 *
 * The native library has one pool of threads for a whole process, and reads the process's environment when it starts. In
 * a worker thread `threads` and `deterministic` count only if that was started with `env: SHARE_ENV`.
 *
 * @throws GmrError `unsupported`, saying why, if neither package is there or loads; `invalid-argument` for options that
 *   are none
 */
export async function useNode(options: UseNodeOptions = {}): Promise<void> {
  checkOptions(options);
  await startBackend(() => start(options));
}

async function start(options: UseNodeOptions): Promise<void> {
  if (tf.findBackendFactory(node.name) == null) {
    prepareEnvironment(options);
    loadPackage(usablePackage(options.package));
  }
  const registered = tf.findBackendFactory(node.name) != null && (await tf.setBackend(node.name));
  if (!registered || !isNativeBackend(tf.backend())) {
    throw new GmrError(
      "unsupported",
      "the backend of @tensorflow/tfjs-node did not register itself: was it removed, or is @tensorflow/tfjs installed twice?",
    );
  }
  registerKernels();
  setNonFiniteCheck(node.name, holdsNonFinite);
  registerLayers();
  const state = node.stateOf(tf.backend());
  setCostModel(node.name, costModel(state.backend.isUsingGpuDevice ? "gpu" : "cpu", nodeThreads()));
  state.deterministic = options.deterministic ?? state.deterministic;
  state.cache = options.cache ?? state.cache;
  if (state.deterministic) forgetMeasuredStrategies(node.name);
  const file = cacheFile(state);
  if (file !== undefined) restoreStrategies(file, deviceKey());
}

function checkOptions({ threads, package: name }: UseNodeOptions): void {
  if (threads !== undefined) checkPositiveInteger("threads", threads);
  if (name === undefined || PACKAGES.includes(name)) return;
  const choices = PACKAGES.map(describeValue).join(" or ");
  throw new GmrError("invalid-argument", `package must be ${choices}, got ${describeValue(name)}`);
}

/**
 * `tuneStrategies` of `@gmr-conv/tfjs` on this backend, remembered in the cache file: `run` is called once, then both
 * strategies are timed for each new shape of a convolution that it met. From then on, in this process and in later
 * ones on the same device, `auto` takes the faster one.
 *
 * @returns what was measured, one entry per new shape
 * @throws GmrError `unsupported` in deterministic mode or if another backend is active; `io` if the cache file cannot
 *   be written
 */
export async function tuneNode(run: () => unknown, options: TuneOptions = {}): Promise<TunedStrategy[]> {
  const state = node.stateOf(tf.backend());
  if (state.deterministic) {
    throw new GmrError("unsupported", "measurements differ from run to run: not in deterministic mode");
  }
  const measured = await tuneStrategies(run, options);
  const file = cacheFile(state);
  if (file !== undefined && measured.length > 0) saveStrategies(file, deviceKey());
  return measured;
}

/** Threads of one op on the CPU. */
export function nodeThreads(): number {
  return Number(process.env.TF_NUM_INTRAOP_THREADS) || os.availableParallelism();
}

/** TensorFlow reads these when it starts. */
function prepareEnvironment({ threads, deterministic: wanted }: UseNodeOptions): void {
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "1";
  if (threads !== undefined) process.env.TF_NUM_INTRAOP_THREADS = String(threads);
  if (!wanted) return;
  process.env.TF_DETERMINISTIC_OPS = "1";
  process.env.TF_CUDNN_DETERMINISTIC = "1";
}

/** Two machines, or two numbers of threads, may differ in what is faster. */
function deviceKey(): string {
  const { kind, name, tensorflow } = nodeDevice();
  const threads = process.env.TF_NUM_INTRAOP_THREADS;
  return [`TensorFlow ${tensorflow}`, kind, name, ...(threads ? [`${threads} thread(s)`] : [])].join(", ");
}
