// The stock wasm backend with threads in Node. Its package ships a threaded build but disables it there; this starts
// that build, which also puts the heap into shared memory, where our own threads can work.

import type * as TfjsWasm from "@tensorflow/tfjs-backend-wasm";
import { backendOn, type StockModule } from "./stockModule.ts";

/** Parameters and result of the package's Emscripten factory. */
type Factory = (config: {
  mainScriptUrlOrBlob: string;
  locateFile(file: string, prefix: string): string | URL;
  onAbort(): void;
}) => Promise<ThreadedModule>;

interface ThreadedModule extends StockModule {
  wasmMemory: WebAssembly.Memory;
  HEAPU8: Uint8Array;
  PThread: { unusedWorkers: { unref(): void }[]; runningWorkers: { unref(): void }[] };
}

/**
 * Starts the threaded build with this many threads. Works in Node and Deno; in Bun 1.3, kernels in threads trap on
 * addresses beyond the memory's initial size.
 * @returns the backend
 * @throws if something is missing; the caller continues with one thread
 */
export async function startThreadedHost(
  Backend: typeof TfjsWasm.BackendWasm,
  threads: number,
): Promise<TfjsWasm.BackendWasm> {
  // Not imported: bundlers for browsers must not resolve them.
  if ("bun" in process.versions) throw new Error("threads in Bun cannot reach memory that has grown");
  const { createRequire } = process.getBuiltinModule("node:module");
  const path = process.getBuiltinModule("node:path");
  const os = process.getBuiltinModule("node:os");
  const require = createRequire(ownFile(path));
  const folder = path.join(
    path.dirname(require.resolve("@tensorflow/tfjs-backend-wasm/package.json")),
    "wasm-out",
  );
  const script = path.join(folder, "tfjs-backend-wasm-threaded-simd.js");
  const factory = require(script) as Factory;
  const { wasmWorkerContents } = require(path.join(folder, "tfjs-backend-wasm-threaded-simd.worker.js")) as {
    wasmWorkerContents: string;
  };
  // A thread starts from text: a temporary file would remain if the process is killed.
  const worker = new URL(
    `data:text/javascript,${encodeURIComponent(workerSource(script, wasmWorkerContents))}`,
  );
  const module = await withoutTraces(() =>
    withProcessorCount(os, 2 * threads, () =>
      factory({
        mainScriptUrlOrBlob: script,
        locateFile: (file) => (file.endsWith(".worker.js") ? worker : path.join(folder, file)),
        onAbort: () => undefined,
      }),
    ),
  );
  followMemory(module);
  const backend = backendOn(Backend, module);
  for (const thread of [...module.PThread.unusedWorkers, ...module.PThread.runningWorkers]) thread.unref();
  return backend;
}

/** This file, from which packages are resolved. CommonJS bundles have no `import.meta.url`, but a `__filename`. */
function ownFile(path: typeof import("node:path")): string {
  if (import.meta.url) return import.meta.url;
  return typeof __filename === "string" ? __filename : path.resolve("index.js");
}

/**
 * A module that runs the package's CommonJS worker script, which is stored as the body of a string literal, so its
 * escaped newlines must stay escaped. It sets globals, some of which cannot be assigned in Deno.
 */
function workerSource(script: string, contents: string): string {
  const body = JSON.stringify(contents.replace(/\n/g, "\\n"));
  return `import { createRequire } from "node:module";
const path = ${JSON.stringify(script)};
for (const name of ["self", "location", "Worker", "importScripts", "postMessage", "performance"]) {
  const value = globalThis[name];
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
}
new Function("require", "__filename", ${body})(createRequire(path), path);`;
}

/** The build creates half as many threads as there are processors when it starts. */
async function withProcessorCount<T>(
  os: { cpus: typeof import("node:os").cpus },
  count: number,
  action: () => Promise<T>,
): Promise<T> {
  const { cpus } = os;
  const real = cpus();
  os.cpus = () => Array.from({ length: count }, (_, i) => real[i % real.length]);
  try {
    return await action();
  } finally {
    os.cpus = cpus;
  }
}

/**
 * The module interferes with the program: it rethrows every error, which prints the module's whole source, and sets a
 * global Worker. This undoes both.
 */
async function withoutTraces<T>(action: () => Promise<T>): Promise<T> {
  const worker = Object.getOwnPropertyDescriptor(globalThis, "Worker");
  const events = ["uncaughtException", "unhandledRejection"] as const;
  const before = events.map((event) => new Set<unknown>(process.listeners(event as "uncaughtException")));
  try {
    const started = action();
    // It adds its listeners at once; any added later are not its own.
    events.forEach((event, i) => {
      for (const listener of process.listeners(event as "uncaughtException")) {
        if (!before[i].has(listener)) process.off(event, listener);
      }
    });
    return await started;
  } finally {
    if (worker) Object.defineProperty(globalThis, "Worker", worker);
    else Reflect.deleteProperty(globalThis, "Worker");
  }
}

/** The stock backend reads tensors through a view that the module renews too late when the memory grows. */
function followMemory(module: ThreadedModule): void {
  let view = new Uint8Array(module.wasmMemory.buffer);
  Object.defineProperty(module, "HEAPU8", {
    get() {
      if (view.buffer !== module.wasmMemory.buffer) view = new Uint8Array(module.wasmMemory.buffer);
      return view;
    },
    set() {},
  });
}
