// Starts the stock wasm backend, with threads if the runtime or the page allows them.
//
// In Node its package ships a threaded build but disables it; in a cross-origin isolated page it hangs if the page's
// policies keep its threads from starting. A start therefore falls back to one thread, whatever was requested, with a
// warning that says why.

import { GmrError, isNode, reasonOf } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import * as stock from "@tensorflow/tfjs-backend-wasm";
import { STOCK_VERSION } from "./generated/stockVersion.ts";
import { isIsolated, remedy } from "./page.ts";
import { startPageHost, type WasmPaths } from "./pageHost.ts";

/** The factory that the stock package registers, and our replacement. */
const stockFactory = tf.findBackendFactory("wasm");
let ownFactory: typeof stockFactory | undefined;

/**
 * Makes the stock wasm backend the active one, starting it if necessary.
 * @throws GmrError `unsupported` if it cannot be started, or is a different one
 */
export async function activateHost(
  threads: number,
  paths: WasmPaths | undefined,
): Promise<stock.BackendWasm> {
  await pendingStart();
  if (tf.engine().registry.wasm === undefined) await registerStarted(threads, paths);
  if (!(await tf.setBackend("wasm"))) {
    throw new GmrError("unsupported", NOT_STARTED);
  }
  const backend = tf.backend();
  if (backend instanceof stock.BackendWasm) return backend;
  throw new GmrError(
    "unsupported",
    "the active wasm backend is not that of @tensorflow/tfjs-backend-wasm: is it installed twice?",
  );
}

const NODE_REMEDY =
  "free memory, update Node, or use another backend (webgpu, node, or cpu, which is slow but always there)";

const NOT_STARTED = "the TensorFlow.js wasm backend could not be started here";

/** Lets a start by other code (`tf.ready()`) finish: concurrent starts make each other obsolete. */
const PATIENCE_MS = 10_000;

async function pendingStart(): Promise<void> {
  const { pendingBackendInit } = tf.engine() as object as { pendingBackendInit?: Promise<boolean> | null };
  if (!pendingBackendInit) return;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const patience = new Promise((resolve) => {
    timer = setTimeout(resolve, PATIENCE_MS);
  });
  await Promise.race([pendingBackendInit, patience]);
  clearTimeout(timer);
}

/** Replaces the stock factory with one for a running backend: TensorFlow.js then activates it at once. */
async function registerStarted(threads: number, paths: WasmPaths | undefined): Promise<void> {
  const factory = tf.findBackendFactory("wasm");
  if (!factory) {
    throw new GmrError("unsupported", "the TensorFlow.js wasm backend is not registered: was it removed?");
  }
  if (factory !== stockFactory && factory !== ownFactory) return;
  let started: tf.KernelBackend | undefined = await start(threads, paths);
  ownFactory = () => {
    const backend = started ?? start(threads, paths);
    started = undefined;
    return backend;
  };
  tf.removeBackend("wasm");
  tf.registerBackend("wasm", ownFactory, 2);
}

async function start(threads: number, paths: WasmPaths | undefined): Promise<tf.KernelBackend> {
  let reason: string | undefined;
  try {
    if (threads > 1 && isNode()) {
      const { startThreadedHost } = await import("./threadedHost.ts");
      return await startThreadedHost(stock.BackendWasm, threads);
    }
    if (threads > 1 && isIsolated()) {
      const { whyNoThreads } = await import("./threadProbe.ts");
      reason = await whyNoThreads();
      if (reason === undefined) return await startInPage(threads, paths);
    }
  } catch (error) {
    reason = `the threaded build of the wasm backend did not start: ${reasonOf(error)}`;
  }
  const backend = isNode() ? await startStock() : await startSingleInPage(paths);
  if (reason !== undefined) console.warn(`GMR-Conv: one thread, since ${reason}`);
  return backend;
}

/** Our files fit one version of the stock package; another starts by itself, with one thread. */
async function startInPage(threads: number, paths: WasmPaths | undefined): Promise<tf.KernelBackend> {
  const version = stock.version_wasm;
  if (version === STOCK_VERSION) {
    stock.setThreadsCount(threads);
    return await startPageHost(stock.BackendWasm, threads > 1, paths);
  }
  if (threads > 1)
    throw new Error(`version ${version} of @tensorflow/tfjs-backend-wasm, expected ${STOCK_VERSION}`);
  if (paths !== undefined) stock.setWasmPaths(paths);
  return await startStock();
}

async function startSingleInPage(paths: WasmPaths | undefined): Promise<tf.KernelBackend> {
  try {
    return await startInPage(1, paths);
  } catch (error) {
    throw new GmrError("unsupported", `${NOT_STARTED}: ${remedy(error)}`, { cause: error });
  }
}

async function startStock(): Promise<tf.KernelBackend> {
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  try {
    return await stockFactory();
  } catch (error) {
    if (!isNode()) throw error;
    throw new GmrError("unsupported", `${NOT_STARTED}: ${whyNotInNode(error)}; ${NODE_REMEDY}`, {
      cause: error,
    });
  }
}

/** The stock backend speaks of servers where there is none. */
function whyNotInNode(error: unknown): string {
  if (typeof WebAssembly === "undefined")
    return "this process has no WebAssembly (was Node started with --jitless?)";
  const reason = reasonOf(error);
  return /serve the `?\.wasm/.test(reason) ? "its WebAssembly module did not load" : reason;
}
