// GMR-Conv on the TensorFlow.js wasm backend: `await useWasm()`, and the ops of `@gmr-conv/tfjs` run on
// WebAssembly SIMD kernels.

import { checkKeys, checkPositiveInteger, environmentVariable, isNode, type KeysOf } from "@gmr-conv/core";
import { registerLayers, startBackend } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { attachKernels, detachKernels } from "./attach.ts";
import { activateHost } from "./host.ts";
import type { WasmPaths } from "./pageHost.ts";
import { registerKernels } from "./register.ts";
import { attached, type KernelOptions, MAX_THREADS } from "./state.ts";

export type { WasmPaths };

export interface UseWasmOptions {
  /**
   * Where a page serves the `.wasm` files of `@tensorflow/tfjs-backend-wasm` itself: the folder's address ending in
   * `/`, or one address per file. Default: they are part of our code, as modules that are loaded when they are needed.
   * Without effect in Node.
   */
  wasmPaths?: WasmPaths | undefined;
  /** Threads to use, including the calling one. Default: the environment variable GMR_THREADS, else all processors. */
  threads?: number | undefined;
  /**
   * Use the build of our kernels with relaxed SIMD if the engine has that (Node 22, Chrome 114, Firefox 145): products are
   * added in one instruction that rounds once, where the processor has one, which is faster on Intel and ARM. The last
   * bits of results then differ between engines and between processors with and without it. Default: true, unless the environment variable
   * GMR_RELAXED_SIMD is 0.
   */
  relaxedSimd?: boolean | undefined;
}

const KEYS: KeysOf<UseWasmOptions> = { wasmPaths: true, threads: true, relaxedSimd: true };

/**
 * Makes the stock wasm backend the active one and adds our kernels to it: ring convolution, batch normalisation,
 * mixture and optimiser steps, and the gradients of the dense `conv2d` and of average pooling. Calling it again is
 * cheap; with a different number of threads it replaces the threads of our kernels. Whether the heap is shared is
 * decided when the backend starts: after a first call with one thread it stays at one.
 *
 * Threads: in Node this uses the stock backend's threaded build, which its package disables there; in browsers the page
 * must be cross-origin isolated. Without shared memory, one thread is used; see {@link wasmThreads}. Results are
 * bit-identical for every number of threads.
 *
 * @throws GmrError `unsupported` if WebAssembly, its SIMD instructions or the stock backend are missing,
 *   `invalid-argument` if the number of threads is not a positive integer
 *
 * @example
 * await useWasm(); // before anything is computed
 * await useWasm({ threads: 4 });
 */
export async function useWasm(options: UseWasmOptions = {}): Promise<void> {
  checkKeys("the options of useWasm", options, KEYS);
  const threads = threadsWanted(options.threads);
  await startBackend(async () => {
    const backend = await activateHost(threads, options.wasmPaths);
    const known = attached.get(backend);
    // What is not asked for stays as it is.
    const wanted: KernelOptions = {
      threads: options.threads === undefined ? (known?.threadsWanted ?? threads) : threads,
      relaxedSimd:
        options.relaxedSimd ?? known?.relaxedWanted ?? environmentVariable("GMR_RELAXED_SIMD") !== "0",
    };
    const others = known?.threadsWanted !== wanted.threads || known.relaxedWanted !== wanted.relaxedSimd;
    if (known && others) detachKernels(backend);
    await attachKernels(backend, wanted);
    registerKernels();
    registerLayers();
  });
}

/** Threads that the kernels of the active wasm backend use; 1 before `useWasm` or without shared memory. */
export function wasmThreads(): number {
  const backend = tf.engine().registry.wasm;
  return (backend && attached.get(backend)?.pool?.threads) ?? 1;
}

/** Whether the kernels of the active wasm backend are the build with relaxed SIMD. */
export function wasmRelaxedSimd(): boolean {
  const backend = tf.engine().registry.wasm;
  return (backend && attached.get(backend)?.relaxed) ?? false;
}

/** Ends the threads of the kernels; the next `useWasm` starts new ones. */
export function disposeThreads(): void {
  const backend = tf.engine().registry.wasm;
  if (backend) detachKernels(backend);
}

/** The number in a string, or the string itself, so that an error can show it. */
function numberOrText(text: string): number | string {
  const value = Number(text);
  return Number.isNaN(value) ? text : value;
}

/** `threads`, else GMR_THREADS, else all processors. */
function threadsWanted(threads: number | undefined): number {
  const setting = environmentVariable("GMR_THREADS");
  if (threads !== undefined) return Math.min(MAX_THREADS, checkPositiveInteger("threads", threads));
  if (setting) return Math.min(MAX_THREADS, checkPositiveInteger("GMR_THREADS", numberOrText(setting)));
  return Math.min(MAX_THREADS, processors());
}

function processors(): number {
  if (isNode()) return process.getBuiltinModule("node:os").availableParallelism();
  return globalThis.navigator?.hardwareConcurrency ?? 1;
}
