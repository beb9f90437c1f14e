// Starts the stock wasm backend, with threads if the runtime or the page allows them.
//
// In Node its package ships a threaded build but disables it; in a cross-origin isolated page it starts that build by
// itself, and hangs if the page's policies keep its threads from starting. A start therefore falls back to one thread,
// whatever was requested, with a warning that says why.

import { GmrError, isNode, reasonOf } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { BackendWasm, setThreadsCount } from "@tensorflow/tfjs-backend-wasm";
import { isIsolated, remedy, whyNoThreads } from "./page.ts";
import { startThreadedHost } from "./threadedHost.ts";

/** The factory that the stock package registers, and our replacement. */
const stockFactory = tf.findBackendFactory("wasm");
let ownFactory: typeof stockFactory | undefined;

/**
 * Makes the stock wasm backend the active one, starting it if necessary.
 * @throws GmrError `unsupported` if it cannot be started, or is a different one
 */
export async function activateHost(threads: number): Promise<BackendWasm> {
  await pendingStart();
  if (tf.engine().registry.wasm === undefined) await registerStarted(threads);
  if (!(await tf.setBackend("wasm"))) {
    throw new GmrError("unsupported", NOT_STARTED);
  }
  const backend = tf.backend();
  if (backend instanceof BackendWasm) return backend;
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
async function registerStarted(threads: number): Promise<void> {
  const factory = tf.findBackendFactory("wasm");
  if (!factory) {
    throw new GmrError("unsupported", "the TensorFlow.js wasm backend is not registered: was it removed?");
  }
  if (factory !== stockFactory && factory !== ownFactory) return;
  let started: tf.KernelBackend | undefined = await start(threads);
  ownFactory = () => {
    const backend = started ?? start(threads);
    started = undefined;
    return backend;
  };
  tf.removeBackend("wasm");
  tf.registerBackend("wasm", ownFactory, 2);
}

async function start(threads: number): Promise<tf.KernelBackend> {
  let reason: string | undefined;
  try {
    if (threads > 1 && isNode()) return await startThreadedHost(BackendWasm, threads);
    if (threads > 1 && isIsolated()) {
      reason = await whyNoThreads();
      if (reason === undefined) return await startStock(threads);
    }
  } catch (error) {
    reason = `the threaded build of the wasm backend did not start: ${reasonOf(error)}`;
  }
  const backend = await startStock(1);
  if (reason !== undefined) console.warn(`GMR-Conv: one thread, since ${reason}`);
  return backend;
}

/** The stock backend speaks of servers where there is none. */
function whyNotInNode(error: unknown): string {
  if (typeof WebAssembly === "undefined")
    return "this process has no WebAssembly (was Node started with --jitless?)";
  const reason = reasonOf(error);
  return /serve the `?\.wasm/.test(reason) ? "its WebAssembly module did not load" : reason;
}

async function startStock(threads: number): Promise<tf.KernelBackend> {
  setThreadsCount(threads);
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", threads > 1);
  try {
    return await stockFactory();
  } catch (error) {
    const reason = isNode() ? `${whyNotInNode(error)}; ${NODE_REMEDY}` : remedy();
    throw new GmrError("unsupported", `${NOT_STARTED}: ${reason}`, { cause: error });
  }
}
