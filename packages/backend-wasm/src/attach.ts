// Starts our kernels on the heap of a stock wasm backend.

import { GmrError, typeName } from "@gmr-conv/core";
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { KERNEL_ARGUMENTS, type Kernels } from "./generated/kernels.ts";
import { bytesOf } from "./inlined.ts";
import { attached, type HostModule, type KernelName, type KernelOptions, WasmState } from "./state.ts";

/**
 * A module whose one function uses `f32x4.relaxed_madd`:
 * `(module (func (param v128) (result v128) (f32x4.relaxed_madd (local.get 0) (local.get 0) (local.get 0))))`.
 */
const RELAXED_PROBE = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x06, 0x01, 0x60, 0x01, 0x7b, 0x01, 0x7b, 0x03],
  ...[
    0x02, 0x01, 0x00, 0x0a, 0x0d, 0x01, 0x0b, 0x00, 0x20, 0x00, 0x20, 0x00, 0x20, 0x00, 0xfd, 0x85, 0x02,
    0x0b,
  ],
);

/** The build of the kernels for a heap, base64-encoded. */
async function buildFor(shared: boolean, relaxed: boolean): Promise<string> {
  const { KERNELS } = await (relaxed
    ? shared
      ? import("./generated/relaxedSharedKernels.ts")
      : import("./generated/relaxedKernels.ts")
    : shared
      ? import("./generated/sharedKernels.ts")
      : import("./generated/plainKernels.ts"));
  return KERNELS;
}

/** Compiles the kernels for a backend, with threads if its heap is shared; does nothing if already done. */
export async function attachKernels(backend: BackendWasm, wanted: KernelOptions): Promise<void> {
  const { threads } = wanted;
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
  const relaxed = wanted.relaxedSimd && WebAssembly.validate(RELAXED_PROBE);
  const bytes = bytesOf(await buildFor(shared, relaxed));
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
  refuseToOverflow(host, memory);
  attached.set(backend, new WasmState(backend, host, memory, run, wanted, relaxed, pool));
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
function refuseToOverflow(host: HostModule, memory: WebAssembly.Memory): void {
  host._free(host._malloc(1)); // Emscripten's first call replaces a stub with the real function.
  const malloc = host._malloc;
  host._malloc = (bytes) => {
    const address = bytes < REQUEST_LIMIT ? malloc(bytes) >>> 0 : 0;
    // Close to 4 GiB, the allocator may grant what lies beyond the end of the heap.
    if (address > 0 && address + bytes <= memory.buffer.byteLength) return address;
    throw new GmrError(
      "out-of-memory",
      `the wasm heap (4 GiB, 2 GiB for a tensor) has no room for ${bytes} bytes: ` +
        "use smaller batches or gradient checkpointing",
    );
  };
}
