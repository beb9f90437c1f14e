// GMR-Conv on the native TensorFlow library: after `await useNode()`, the ops of `@gmr-conv/tfjs` run on kernels made
// of its ops. Importing this module before @tensorflow/tfjs-node is what makes that package work on Node 23 and later.

import os from "node:os";
import { checkKeys, checkPositiveInteger, describeValue, GmrError, type KeysOf } from "@gmr-conv/core";
import {
  forgetMeasuredStrategies,
  registerLayers,
  setBackendTraits,
  startBackend,
  TUNE_KEYS,
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
import { provideGroups, registerKernels } from "./register.ts";
import { type NativeState, node } from "./state.ts";
import { defaultCacheFile, restoreStrategies, saveStrategies } from "./strategyCache.ts";

export { type DriverGpu, driverGpus, type NodeDevice, nodeDevice } from "./device.ts";
export { type InstalledPackage, installedPackages, type PackageName } from "./load.ts";

export { type NativeKernels, nativeKernels } from "./native/module.ts";

export interface UseNodeOptions {
  /** Which package to load, at the first call. Default: `-gpu` if it has its native binding, else the plain one. */
  package?: PackageName | undefined;
  /**
   * Threads per op on the CPU. Default: TensorFlow's own, all processors. Takes effect only before the library has
   * started, that is, at the first call.
   */
  threads?: number | undefined;
  /**
   * Bit-identical results in every run: asks TensorFlow and cuDNN for deterministic algorithms (only at the first call)
   * and chooses strategies by shape, never by measurement. Default false.
   */
  deterministic?: boolean | undefined;
  /**
   * Whether to use the kernels compiled with this package, on the CPU and where there are some for the platform, instead
   * of TensorFlow's own ops. Default: as in the previous call, initially true.
   */
  kernels?: boolean | undefined;
  /**
   * File of the measured strategies; false for none. Default: that of the previous call, initially
   * `gmr-conv/strategies.json` in the user's cache folder.
   */
  cache?: string | false | undefined;
}

const KEYS: KeysOf<UseNodeOptions> = {
  package: true,
  threads: true,
  deterministic: true,
  kernels: true,
  cache: true,
};

/** Where strategies are stored; undefined for nowhere. */
function cacheFile({ deterministic, cache }: NativeState): string | undefined {
  if (deterministic || cache === false) return undefined;
  return cache ?? defaultCacheFile();
}

/**
 * Loads `@tensorflow/tfjs-node-gpu` or `@tensorflow/tfjs-node`, makes its backend `tensorflow` the active one and adds
 * our kernels to it. Calling it again is cheap.
 *
 * The native library has one thread pool per process, and reads the process's environment when it starts. In a worker
 * thread, `threads` and `deterministic` take effect only if it was started with `env: SHARE_ENV`.
 *
 * @throws GmrError `unsupported`, saying why, if neither package is installed or loads; `invalid-argument` for invalid
 *   options
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
      "the backend of @tensorflow/tfjs-node did not register itself: " +
        "was it removed, or is @tensorflow/tfjs installed twice?",
    );
  }
  registerKernels();
  registerLayers();
  const state = node.stateOf(tf.backend());
  state.wantsKernels = options.kernels ?? state.wantsKernels;
  setBackendTraits(node.name, {
    costModel: costModel(state.backend.isUsingGpuDevice ? "gpu" : "cpu", nodeThreads(), state.hasKernels),
    holdsNonFinite,
    exactRings: state.hasKernels,
  });
  provideGroups(state.hasKernels);
  state.deterministic = options.deterministic ?? state.deterministic;
  state.cache = options.cache ?? state.cache;
  if (state.deterministic) forgetMeasuredStrategies(node.name);
  const file = cacheFile(state);
  if (file !== undefined) restoreStrategies(file, deviceKey());
}

function checkOptions(options: UseNodeOptions): void {
  const { threads, package: name } = checkKeys("the options of useNode", options, KEYS);
  if (threads !== undefined) checkPositiveInteger("threads", threads);
  if (name === undefined || PACKAGES.includes(name)) return;
  const choices = PACKAGES.map(describeValue).join(" or ");
  throw new GmrError("invalid-argument", `package must be ${choices}, got ${describeValue(name)}`);
}

/**
 * `tuneStrategies` of `@gmr-conv/tfjs` on this backend, stored in the cache file: calls `run` once, then times both
 * strategies for each new convolution shape in it. From then on, in this process and in later ones on the same device,
 * `auto` uses the faster one.
 *
 * @returns the measurements, one entry per new shape
 * @throws GmrError `unsupported` in deterministic mode or if another backend is active; `io` if the cache file cannot
 *   be written
 */
export async function tuneNode(run: () => unknown, options: TuneOptions = {}): Promise<TunedStrategy[]> {
  checkKeys("the options of tuneNode", options, TUNE_KEYS);
  const state = node.stateOf(tf.backend());
  if (state.deterministic) {
    throw new GmrError(
      "unsupported",
      "deterministic mode excludes measuring: results differ from run to run",
    );
  }
  const measured = await tuneStrategies(run, options);
  const file = cacheFile(state);
  if (file !== undefined && measured.length > 0) saveStrategies(file, deviceKey());
  return measured;
}

/** Threads per op on the CPU. */
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

/** Other kernels, a different machine or number of threads may favour a different strategy. */
function deviceKey(): string {
  const { kind, name, tensorflow, kernels } = nodeDevice();
  const threads = process.env.TF_NUM_INTRAOP_THREADS;
  return [
    `TensorFlow ${tensorflow}`,
    kind,
    name,
    ...(kernels ? [`${kernels} kernels`] : []),
    ...(threads ? [`${threads} thread(s)`] : []),
  ].join(", ");
}
