// GMR-Conv on the TensorFlow.js wasm backend: `await useWasm()`, and the ops of `@gmr-conv/tfjs` run on
// WebAssembly SIMD kernels.

import { checkPositiveInteger, GmrError } from "@gmr-conv/core";
import { registerLayers } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { BackendWasm, setThreadsCount, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { attachedKernels, attachKernels, detachKernels, MAX_THREADS } from "./module.ts";
import { registerKernels } from "./register.ts";
import { startThreadedHost } from "./threadedHost.ts";

export interface UseWasmOptions {
  /**
   * Where a browser finds the `.wasm` files of `@tensorflow/tfjs-backend-wasm`: the folder's address ending in
   * `/`, or one address per file. Not needed in Node. Our own kernels are inlined and need no path.
   */
  wasmPaths?: Parameters<typeof setWasmPaths>[0] | undefined;
  /** Threads to use, this one included. Default: the environment variable GMR_THREADS, else all processors. */
  threads?: number | undefined;
}

/**
 * Makes the stock wasm backend the active one and adds our kernels to it: ring convolution, batch normalisation,
 * mixture and optimiser steps, and the gradients of the dense `conv2d` and of average pooling.
 * Calling it again is cheap; with another number of threads it replaces the threads of our kernels. Whether the heap is
 * shared is decided when the backend starts: after a first call with one thread it stays at one.
 *
 * Threads: in Node the stock backend's threaded build is used, which its package switches off there; in browsers
 * the page must be cross-origin isolated. Where shared memory is missing, one thread is used; {@link wasmThreads}
 * tells. Results are the same to the last bit for every number of threads.
 *
 * @throws GmrError `unsupported` where WebAssembly, its SIMD instructions or the stock backend are missing,
 *   `invalid-argument` for a number of threads that is no positive integer
 */
export async function useWasm(options: UseWasmOptions = {}): Promise<void> {
  const threads = await threadsWanted(options.threads);
  if (options.wasmPaths !== undefined) setWasmPaths(options.wasmPaths);
  const started = tf.engine().registry.wasm;
  if (started === undefined && isNode && threads > 1) preferThreads(threads);
  else if (started === undefined) prepareBrowser(threads);
  if (!tf.findBackendFactory("wasm")) {
    throw new GmrError("unsupported", "the TensorFlow.js wasm backend is not registered: was it removed?");
  }
  if (!(await tf.setBackend("wasm"))) {
    throw new GmrError("unsupported", "the TensorFlow.js wasm backend could not be started here");
  }
  const backend = tf.backend();
  if (!(backend instanceof BackendWasm)) {
    throw new GmrError(
      "unsupported",
      "the active wasm backend is not that of @tensorflow/tfjs-backend-wasm: is it installed twice?",
    );
  }
  const attached = attachedKernels(backend);
  if (options.threads !== undefined && attached && attached.threadsWanted !== threads) detachKernels(backend);
  await attachKernels(backend, threads);
  registerKernels();
  registerLayers();
}

/** Threads that the kernels of the active wasm backend use; 1 before `useWasm` or without shared memory. */
export function wasmThreads(): number {
  const backend = tf.engine().registry.wasm;
  return (backend && attachedKernels(backend)?.pool?.size) ?? 1;
}

/** Ends the threads of the kernels; the next `useWasm` starts new ones. */
export function disposeThreads(): void {
  const backend = tf.engine().registry.wasm;
  if (backend) detachKernels(backend);
}

/**
 * In a cross-origin isolated page the stock backend starts its threaded build by itself. It starts the threads from a
 * function's source text that refers to a name of its module, and waits for ever where a minifier has renamed that:
 * there one thread is used.
 */
function prepareBrowser(threads: number): void {
  setThreadsCount(threads);
  const renamed = !readsModuleName.toString().includes("moduleName");
  if (threads > 1 && !renamed) return;
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  if (threads > 1 && "crossOriginIsolated" in globalThis && globalThis.crossOriginIsolated) {
    console.warn(
      "GMR-Conv: one thread, since this script is minified, which the threaded build of " +
        "@tensorflow/tfjs-backend-wasm does not survive; leave that package out of minification to use threads",
    );
  }
}

const moduleName = {};
function readsModuleName(): object {
  return moduleName;
}

const isNode = typeof process === "object" && process.versions?.node !== undefined;

/** The number that a text spells, or the text itself, so that an error can name it. */
function numberOrText(text: string): number | string {
  const value = Number(text);
  return Number.isNaN(value) ? text : value;
}

/** `threads`, else GMR_THREADS, else all processors. */
async function threadsWanted(threads: number | undefined): Promise<number> {
  const setting = isNode ? process.env.GMR_THREADS : undefined;
  if (threads !== undefined) return Math.min(MAX_THREADS, checkPositiveInteger("threads", threads));
  if (!setting) {
    const processors = isNode
      ? process.getBuiltinModule("node:os").availableParallelism()
      : navigator.hardwareConcurrency;
    return Math.min(MAX_THREADS, processors);
  }
  return Math.min(MAX_THREADS, checkPositiveInteger("GMR_THREADS", numberOrText(setting)));
}

/** The factory that the stock package registers, and the threaded one that takes its place in Node. */
const stockFactory = tf.findBackendFactory("wasm");
let threadedFactory: typeof stockFactory | undefined;

/** Puts the threaded build in place of the stock factory, to which it falls back where it cannot start. */
function preferThreads(threads: number): void {
  const factory = tf.findBackendFactory("wasm");
  if (!factory || (factory !== stockFactory && factory !== threadedFactory)) return;
  setThreadsCount(threads);
  threadedFactory = async () => {
    try {
      return await startThreadedHost(BackendWasm, threads);
    } catch (error) {
      setThreadsCount(1);
      const reason = error instanceof Error ? error.message : String(error);
      console.warn(
        `GMR-Conv: one thread, since the threaded build of the wasm backend did not start: ${reason}`,
      );
      return stockFactory();
    }
  };
  tf.removeBackend("wasm");
  tf.registerBackend("wasm", threadedFactory, 2);
}
