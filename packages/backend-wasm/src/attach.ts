// Starts our kernels on the heap of a stock wasm backend.

import { GmrError, typeName } from "@gmr-conv/core";
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { KERNEL_ARGUMENTS, type Kernels } from "./generated/kernels.ts";
import { bytesOf } from "./inlined.ts";
import { attached, type HostModule, type KernelName, WasmState } from "./state.ts";

/** Compiles the kernels for a backend, with threads if its heap is shared; does nothing if already done. */
export async function attachKernels(backend: BackendWasm, threads: number): Promise<void> {
  if (attached.has(backend)) return;
  const host = backend.wasm as object as HostModule;
  const memory = host.wasmMemory ?? host.asm?.memory;
  if (memory === undefined) {
    throw new GmrError(
      "unsupported",
      "this version of @tensorflow/tfjs-backend-wasm does not expose its memory; expected 4.22",
    );
  }
  const shared = typeName(memory.buffer) === "SharedArrayBuffer";
  const { KERNELS } = await (shared
    ? import("./generated/sharedKernels.ts")
    : import("./generated/plainKernels.ts"));
  const bytes = bytesOf(KERNELS);
  if (!WebAssembly.validate(bytes)) {
    throw new GmrError(
      "unsupported",
      "this WebAssembly engine lacks fixed-width SIMD, which the kernels need: update the browser or Node (Chrome 91, " +
        "Firefox 89, Safari 16.4, Node 16.4 have it), or use the backend webgpu or cpu",
    );
  }
  const module = await WebAssembly.compile(bytes);
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  const run = functionsOf(exports);
  const pool =
    shared && threads > 1
      ? await (await import("./threads.ts")).ThreadPool.start(threads, module, memory, run)
      : undefined;
  refuseToOverflow(host);
  attached.set(backend, new WasmState(backend, host, memory, run, threads, pool));
}

/** Ends the threads of a backend's kernels and drops its state. */
export function detachKernels(backend: object): void {
  attached.get(backend)?.dispose();
  attached.delete(backend);
}

function functionsOf(exports: WebAssembly.Exports): Kernels {
  const names = Object.keys(KERNEL_ARGUMENTS) as KernelName[];
  for (const name of names) {
    if (typeof exports[name] !== "function") throw new GmrError("internal", `the kernels lack ${name}`);
  }
  return Object.fromEntries(names.map((name) => [name, exports[name]])) as unknown as Kernels;
}

/** Larger requests are negative numbers to the allocator, which then shrinks the heap. */
const REQUEST_LIMIT = 2 ** 31 - 2 ** 16;

/** The stock backend takes any result of `_malloc` for an address; if the heap is full, that is 0. */
function refuseToOverflow(host: HostModule): void {
  host._free(host._malloc(1)); // Emscripten's first call replaces a stub with the real function.
  const malloc = host._malloc;
  host._malloc = (bytes) => {
    const address = bytes < REQUEST_LIMIT ? malloc(bytes) >>> 0 : 0;
    if (address > 0) return address;
    throw new GmrError(
      "out-of-memory",
      `the wasm heap (4 GiB, 2 GiB for a tensor) has no room for ${bytes} bytes: ` +
        "use smaller batches or gradient checkpointing",
    );
  };
}
