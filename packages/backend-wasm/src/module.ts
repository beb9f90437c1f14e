// The compiled kernels, attached to the heap of a stock wasm backend: they work on its tensors in place.

import { GmrError } from "@gmr-conv/core";
import type * as tf from "@tensorflow/tfjs";
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { KERNELS_BASE64 } from "./generated/module.ts";
import type { Plan } from "./plan.ts";
import { PlanField } from "./plan-fields.ts";

/** What assembly/index.ts exports. Addresses and counts are numbers, booleans 0 or 1. */
interface KernelExports {
  packWeights(plan: number, weights: number, transposed: number): void;
  convolve(plan: number, x: number, y: number, begin: number, end: number): void;
  filterGradient(plan: number, x: number, dy: number, dw: number, begin: number, end: number): void;
  batchNormForward(
    x: number,
    gamma: number,
    beta: number,
    y: number,
    mean: number,
    variance: number,
    rows: number,
    channels: number,
    epsilon: number,
    relu: number,
    begin: number,
    end: number,
  ): void;
  batchNormParamGradient(
    dy: number,
    x: number,
    gamma: number,
    beta: number,
    mean: number,
    variance: number,
    dGamma: number,
    dBeta: number,
    scratch: number,
    rows: number,
    channels: number,
    epsilon: number,
    relu: number,
    begin: number,
    end: number,
  ): void;
  batchNormInputGradient(
    dy: number,
    x: number,
    gamma: number,
    beta: number,
    mean: number,
    variance: number,
    dx: number,
    scratch: number,
    rows: number,
    channels: number,
    epsilon: number,
    relu: number,
    begin: number,
    end: number,
  ): void;
  avgPoolGradient(
    dy: number,
    dx: number,
    images: number,
    inH: number,
    inW: number,
    outH: number,
    outW: number,
    channels: number,
    filterH: number,
    filterW: number,
    strideH: number,
    strideW: number,
    padTop: number,
    padLeft: number,
  ): void;
  mixRows(matrix: number, src: number, dst: number, rings: number, inner: number, transposed: number): void;
  dotRows(a: number, b: number, dst: number, rings: number, inner: number): void;
  addRelu(a: number, b: number, y: number, count: number): void;
  reluGradient(dy: number, y: number, dx: number, count: number): void;
  adamW(
    p: number,
    g: number,
    m: number,
    v: number,
    pOut: number,
    mOut: number,
    vOut: number,
    count: number,
    beta1: number,
    gamma1: number,
    beta2: number,
    gamma2: number,
    keep: number,
    size: number,
    scale: number,
    epsilon: number,
  ): void;
  sgd(
    p: number,
    g: number,
    v: number,
    pOut: number,
    vOut: number,
    count: number,
    momentum: number,
    keep: number,
    rate: number,
  ): void;
}

/** The parts of the stock Emscripten module that its type declarations leave out. */
interface HostModule {
  asm?: { memory?: WebAssembly.Memory };
  wasmMemory?: WebAssembly.Memory;
  _malloc(bytes: number): number;
  _free(address: number): void;
}

/** Number of elements of a shape. */
export const elements = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

const attached = new WeakMap<object, WasmKernels>();

/** The kernels of a backend that `useWasm` has set up. */
export function kernelsOf(backend: object): WasmKernels {
  const kernels = attached.get(backend);
  if (kernels) return kernels;
  throw new GmrError(
    "internal",
    "the wasm backend was replaced: call useWasm() again after changing backends",
  );
}

/** Compiles the kernels for a backend and remembers them; does nothing if that was done before. */
export async function attachKernels(backend: BackendWasm): Promise<void> {
  if (attached.has(backend)) return;
  const host = backend.wasm as object as HostModule;
  const memory = host.wasmMemory ?? host.asm?.memory;
  if (!(memory instanceof WebAssembly.Memory)) {
    throw new GmrError(
      "unsupported",
      "this version of @tensorflow/tfjs-backend-wasm does not expose its memory; expected 4.22",
    );
  }
  const bytes = Uint8Array.from(atob(KERNELS_BASE64), (c) => c.charCodeAt(0));
  if (!WebAssembly.validate(bytes)) {
    throw new GmrError(
      "unsupported",
      "this WebAssembly engine lacks fixed-width SIMD, which the kernels need",
    );
  }
  const { instance } = await WebAssembly.instantiate(bytes, { env: { memory } });
  attached.set(backend, new WasmKernels(backend, host, memory, instance.exports as object as KernelExports));
}

/** The kernels of one backend, its tensors' addresses, and the scratch memory that calls share. */
export class WasmKernels {
  readonly run: KernelExports;
  private readonly backend: BackendWasm;
  private readonly host: HostModule;
  private readonly memory: WebAssembly.Memory;
  private scratch = 0;
  private scratchBytes = 0;

  constructor(backend: BackendWasm, host: HostModule, memory: WebAssembly.Memory, run: KernelExports) {
    this.backend = backend;
    this.host = host;
    this.memory = memory;
    this.run = run;
  }

  /** Address of a tensor's first element. */
  address(tensor: tf.TensorInfo): number {
    return this.backend.dataIdMap.get(tensor.dataId).memoryOffset;
  }

  /** A new float32 tensor, not initialised. */
  output(shape: number[]): tf.TensorInfo {
    return this.backend.makeOutput(shape, "float32");
  }

  /** Sets a float32 tensor to zero. */
  clear(tensor: tf.TensorInfo): void {
    const count = tensor.shape.reduce((a, b) => a * b, 1);
    new Float32Array(this.memory.buffer, this.address(tensor), count).fill(0);
  }

  /** A view of `count` floats at an address; valid until the heap grows. */
  floats(address: number, count: number): Float32Array {
    return new Float32Array(this.memory.buffer, address, count);
  }

  /** Another tensor on the same data. */
  share(tensor: tf.TensorInfo): tf.TensorInfo {
    this.backend.incRef(tensor.dataId);
    return { dataId: tensor.dataId, shape: tensor.shape, dtype: tensor.dtype };
  }

  /** Copies a plan to the heap, with scratch buffers behind it, and returns its address. */
  place(plan: Plan): number {
    const base = this.reserve(plan.totalBytes);
    const heap = new Int32Array(this.memory.buffer, base, plan.header.length + plan.tables.length);
    heap.set(plan.header);
    for (const [field, offset] of plan.addresses) heap[field] = base + offset;
    heap.set(plan.tables, PlanField.Count);
    return base;
  }

  /** Address of at least `bytes` of scratch memory, aligned to 64; the next call may use the same. */
  reserve(bytes: number): number {
    if (bytes > this.scratchBytes) {
      if (this.scratch) this.host._free(this.scratch);
      const wanted = Math.ceil((bytes * 1.25) / 65536) * 65536;
      this.scratch = this.host._malloc(wanted + 64);
      if (!this.scratch) {
        this.scratchBytes = 0;
        throw new GmrError("unsupported", `the wasm heap has no room for ${wanted} bytes of scratch memory`);
      }
      this.scratchBytes = wanted;
    }
    return Math.ceil(this.scratch / 64) * 64;
  }
}
