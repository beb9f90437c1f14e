// What our kernels know of a wasm backend: its heap, where they work on its tensors in place, its threads, and what is
// cached between calls.

import { GmrError, product } from "@gmr-conv/core";
import { BoundedCache, backendKernels, LastResult } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import type { Plan } from "./conv/plan.ts";
import type { Kernels } from "./generated/kernels.ts";
import { PlanField } from "./layouts.ts";
import type { ThreadPool } from "./threads.ts";

export type KernelName = keyof Kernels;

/** The arguments of a kernel. */
export type KernelArguments<Name extends KernelName> = Parameters<Kernels[Name]>;

/** The parts of the stock Emscripten module that its type declarations leave out. */
export interface HostModule {
  asm?: { memory?: WebAssembly.Memory };
  wasmMemory?: WebAssembly.Memory;
  _malloc(bytes: number): number;
  _free(address: number): void;
}

/** The maximum number of threads. */
export const MAX_THREADS = 64;

/** Multiply-adds below which waking a thread costs more than it saves. */
const MIN_SHARED_WORK = 400_000;
/** What a float of a memory loop counts in multiply-adds, and the minimum of floats per thread. */
export const FLOAT_WORK = 8;
const FLOAT_PIECE = 4096;

/** Plans are small and networks use few shapes; this many are cached. */
const MAX_PLANS = 512;

/** The states of backends, made by `attach.ts`. */
export const attached = new WeakMap<object, WasmState>();

/** Makes the kernels of this backend. */
export const wasm = backendKernels("wasm", (backend): WasmState => {
  const state = attached.get(backend);
  if (state) return state;
  throw new GmrError(
    "internal",
    "the wasm backend was replaced: call useWasm() again after changing backends",
  );
});

/** The gradients of gamma and beta, computed together with that of x. */
export interface ParamGradients {
  dGamma: Float32Array;
  dBeta: Float32Array;
}

/** How the kernels are to run. */
export interface KernelOptions {
  threads: number;
  relaxedSimd: boolean;
}

/** The kernels of one backend, its tensors' addresses, and the scratch memory that calls share. */
export class WasmState {
  readonly plans = new BoundedCache<string, Plan>(MAX_PLANS);
  readonly paramGradients = new LastResult<ParamGradients>();
  /** The gradient of a ring convolution's weights, computed together with that of x. */
  readonly weightGradient = new LastResult<Float32Array>(() => {
    // Nobody asked for it.
    this.wantsWeightGradient = false;
  });
  /** Whether the gradient of weights has been asked for of late: that of x may be wanted alone, as for a map of saliency. */
  wantsWeightGradient = true;
  readonly run: Kernels;
  readonly pool: ThreadPool | undefined;
  /** Requested threads; there is only one if the heap is not shared. */
  readonly threadsWanted: number;
  /** Whether the build with relaxed SIMD was asked for, and whether it runs. */
  readonly relaxedWanted: boolean;
  readonly relaxed: boolean;
  private readonly backend: BackendWasm;
  private readonly host: HostModule;
  private readonly memory: WebAssembly.Memory;
  private scratch = 0;
  private scratchBytes = 0;

  constructor(
    backend: BackendWasm,
    host: HostModule,
    memory: WebAssembly.Memory,
    run: Kernels,
    wanted: KernelOptions,
    relaxed: boolean,
    pool: ThreadPool | undefined,
  ) {
    this.backend = backend;
    this.host = host;
    this.memory = memory;
    this.run = run;
    this.pool = pool;
    this.threadsWanted = wanted.threads;
    this.relaxedWanted = wanted.relaxedSimd;
    this.relaxed = relaxed;
  }

  /** Ends the threads and frees the scratch memory. */
  dispose(): void {
    this.pool?.dispose();
    if (this.scratch) this.host._free(this.scratch);
    this.scratch = 0;
    this.scratchBytes = 0;
  }

  /** Address of a tensor's first element. */
  address(tensor: tf.TensorInfo): number {
    return this.backend.dataIdMap.get(tensor.dataId).memoryOffset;
  }

  /** Addresses of tensors. */
  addresses<const Tensors extends readonly tf.TensorInfo[]>(
    ...tensors: Tensors
  ): { [Index in keyof Tensors]: number } {
    return tensors.map((tensor) => this.address(tensor)) as { [Index in keyof Tensors]: number };
  }

  /** A new, uninitialised float32 tensor. */
  output(shape: readonly number[]): tf.TensorInfo {
    return this.backend.makeOutput([...shape], "float32");
  }

  /** Frees a tensor that nothing else refers to. */
  release(tensor: tf.TensorInfo): void {
    this.backend.disposeData(tensor.dataId);
  }

  /** Sets a float32 tensor to zero. */
  clear(tensor: tf.TensorInfo): void {
    this.floats(this.address(tensor), product(tensor.shape)).fill(0);
  }

  /** A view of `count` floats at an address; valid until the heap grows. */
  floats(address: number, count: number): Float32Array {
    return new Float32Array(this.memory.buffer, address, count);
  }

  /** The same of 32-bit integers. */
  integers(address: number, count: number): Int32Array {
    return new Int32Array(this.memory.buffer, address, count);
  }

  /** Another tensor with the same data. */
  share(tensor: tf.TensorInfo): tf.TensorInfo {
    this.backend.incRef(tensor.dataId);
    return { dataId: tensor.dataId, shape: tensor.shape, dtype: tensor.dtype };
  }

  /** How many threads a piece of work should use: small ones run on one. `work` in multiply-adds. */
  threadsFor(work: number): number {
    return this.pool && work >= MIN_SHARED_WORK ? this.pool.available : 1;
  }

  /**
   * Cuts `units` of work into shares, one per thread, and runs a kernel on each.
   * @param args the kernel's arguments for the share [begin, end) of a thread
   */
  split<Name extends KernelName>(
    name: Name,
    units: number,
    threads: number,
    args: (begin: number, end: number, thread: number) => KernelArguments<Name>,
  ): void {
    const count = Math.max(1, Math.min(threads, units));
    const run = this.run[name] as (...args: KernelArguments<Name>) => void;
    if (count === 1) {
      run(...args(0, units, 0));
      return;
    }
    const bound = (i: number): number => Math.floor((i * units) / count);
    const parts = Array.from({ length: count }, (_, i) => args(bound(i), bound(i + 1), i));
    if (this.pool) this.pool.call(name, parts);
    else for (const part of parts) run(...part);
  }

  /** Runs a kernel over `count` floats: `args` gets a share's byte offset and its length. */
  splitFloats<Name extends KernelName>(
    name: Name,
    count: number,
    args: (bytes: number, length: number) => KernelArguments<Name>,
  ): void {
    const pieces = Math.ceil(count / FLOAT_PIECE);
    this.split(name, pieces, this.threadsFor(count * FLOAT_WORK), (begin, end) => {
      const from = begin * FLOAT_PIECE;
      return args(4 * from, Math.min(count, end * FLOAT_PIECE) - from);
    });
  }

  /** Copies a plan to the heap, followed by scratch buffers for each thread, and returns a header for each. */
  place(plan: Plan, threads: number): number[] {
    const headerBytes = 4 * Math.ceil(PlanField.Count / 16) * 16;
    const end = Math.ceil(plan.totalBytes / 64) * 64;
    const stride = headerBytes + end - plan.threadStart;
    const base = this.reserve(end + (threads - 1) * stride);
    const heap = new Int32Array(this.memory.buffer);
    heap.set(plan.tables, base / 4 + PlanField.Count);
    return Array.from({ length: threads }, (_, thread) => {
      const header = thread === 0 ? base : base + end + (thread - 1) * stride;
      // Offset of this thread's buffers from their position after the first header.
      const shift = thread === 0 ? 0 : header + headerBytes - base - plan.threadStart;
      heap.set(plan.header, header / 4);
      for (const [field, offset] of plan.addresses) {
        heap[header / 4 + field] = base + offset + (offset >= plan.threadStart ? shift : 0);
      }
      return header;
    });
  }

  /** Copies integers to scratch memory, and returns their address. */
  placeIntegers(values: Int32Array): number {
    const address = this.reserve(values.byteLength);
    this.integers(address, values.length).set(values);
    return address;
  }

  /** Address of at least `bytes` of scratch memory, aligned to 64; the next call may reuse it. */
  reserve(bytes: number): number {
    if (bytes > this.scratchBytes) {
      if (this.scratch) this.host._free(this.scratch);
      this.scratch = this.scratchBytes = 0;
      const wanted = Math.ceil((bytes * 1.25) / 65536) * 65536;
      this.scratch = this.host._malloc(wanted + 64);
      this.scratchBytes = wanted;
    }
    return Math.ceil(this.scratch / 64) * 64;
  }
}
