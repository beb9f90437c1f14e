// The compiled kernels, attached to the heap of a stock wasm backend: they work on its tensors in place.

import { GmrError, typeName } from "@gmr-conv/core";
import type * as tf from "@tensorflow/tfjs";
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { KERNELS_BASE64, SHARED_KERNELS_BASE64 } from "./generated/module.ts";
import type { Plan } from "./plan.ts";
import { PlanField } from "./plan-fields.ts";
import { ThreadPool } from "./threads.ts";

/**
 * What assembly/index.ts exports, with the names of the arguments in order. All are numbers: addresses, counts,
 * flags (0 or 1). `begin` and `end` bound a thread's share of the work.
 */
const KERNELS = {
  packWeights: "plan weights transposed begin end",
  convolve: "plan x y begin end",
  filterGradient: "plan x dy begin end",
  filterFinish: "plan dw begin end",
  batchNormForward: "x gamma beta y mean variance rows channels epsilon relu begin end",
  batchNormParamGradient:
    "dy x gamma beta mean variance dGamma dBeta scratch rows channels epsilon relu begin end",
  batchNormInputGradient:
    "dy x gamma beta mean variance dx dGamma dBeta scratch rows channels epsilon relu begin end",
  maxPool:
    "x y images inD inH inW outD outH outW channels filterD filterH filterW strideD strideH strideW padD padH padW",
  avgPool:
    "x y images inD inH inW outD outH outW channels filterD filterH filterW strideD strideH strideW padD padH padW",
  maxPoolGradient:
    "dy x y dx images inD inH inW outD outH outW channels filterD filterH filterW strideD strideH strideW padD padH padW",
  avgPoolGradient:
    "dy dx images inD inH inW outD outH outW channels filterD filterH filterW strideD strideH strideW padD padH padW share",
  depthwiseFilterGradient:
    "x dy dFilter images inH inW channels multiplier outH outW kernelW strideH strideW dilationH dilationW padH padW begin end",
  depthwiseInputGradient:
    "dy filter dx inH inW channels multiplier outH outW kernelH kernelW strideH strideW dilationH dilationW padH padW begin end",
  mixRows: "matrix src dst rings inner transposed",
  dotRows: "a b dst rings inner",
  addRelu: "a b y count",
  reluGradient: "dy y dx count",
  scaleRows: "x scale y rows period channels",
  copyRows: "from to rows fromStride toStride bytes",
  sumAxis: "x y length inner scale begin end",
  adamW: "p g m v pOut mOut vOut count beta1 notBeta1 beta2 notBeta2 keep size scale epsilon",
  sgd: "p g v pOut vOut count momentum keep rate",
} as const;

export type KernelName = keyof typeof KERNELS;

type KernelFunctions = Record<KernelName, (...args: number[]) => void>;

/** The parts of the stock Emscripten module that its type declarations leave out. */
interface HostModule {
  asm?: { memory?: WebAssembly.Memory };
  wasmMemory?: WebAssembly.Memory;
  _malloc(bytes: number): number;
  _free(address: number): void;
}

/** Number of elements of a shape. */
export const elements = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** More threads than this are never started. */
export const MAX_THREADS = 64;

/** Multiply-adds below which waking a thread costs more than it brings. */
const MIN_SHARED_WORK = 400_000;
/** What a float of a loop over memory counts against that, and how many floats a thread gets at least. */
const FLOAT_WORK = 8;
const FLOAT_PIECE = 4096;

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

/**
 * Compiles the kernels for a backend, with threads if its heap is shared, and remembers them; does nothing if that
 * was done before.
 */
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
  const shared = isShared(memory);
  const bytes = Uint8Array.from(atob(shared ? SHARED_KERNELS_BASE64 : KERNELS_BASE64), (c) =>
    c.charCodeAt(0),
  );
  if (!WebAssembly.validate(bytes)) {
    throw new GmrError(
      "unsupported",
      "this WebAssembly engine lacks fixed-width SIMD, which the kernels need",
    );
  }
  const module = await WebAssembly.compile(bytes);
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  const run = functionsOf(exports);
  const pool = shared && threads > 1 ? await ThreadPool.start(threads, module, memory, run) : undefined;
  refuseToOverflow(host);
  attached.set(backend, new WasmKernels(backend, host, memory, run, threads, pool));
}

/** Requests from here on are negative numbers to the allocator, which then shrinks the heap. */
const REQUEST_LIMIT = 2 ** 31 - 2 ** 16;

/** The stock backend takes whatever `_malloc` answers for an address; where the heap is full, that is 0. */
function refuseToOverflow(host: HostModule): void {
  host._free(host._malloc(1)); // Emscripten's first call puts the real function in the place of a stub.
  const malloc = host._malloc;
  host._malloc = (bytes) => {
    const address = bytes < REQUEST_LIMIT ? malloc(bytes) >>> 0 : 0;
    if (address > 0) return address;
    throw new GmrError(
      "out-of-memory",
      `the wasm heap (4 GiB, 2 GiB for a tensor) has no room for ${bytes} bytes: use smaller batches or gradient checkpointing`,
    );
  };
}

/** Ends the threads of a backend's kernels and forgets them. */
export function detachKernels(backend: object): void {
  attached.get(backend)?.dispose();
  attached.delete(backend);
}

/** The kernels of a backend, if `useWasm` has set it up. */
export function attachedKernels(backend: object): WasmKernels | undefined {
  return attached.get(backend);
}

function isShared(memory: WebAssembly.Memory): boolean {
  return typeName(memory.buffer) === "SharedArrayBuffer";
}

function functionsOf(exports: WebAssembly.Exports): KernelFunctions {
  for (const name of Object.keys(KERNELS)) {
    if (typeof exports[name] !== "function") throw new GmrError("internal", `the kernels lack ${name}`);
  }
  const run = Object.fromEntries(Object.keys(KERNELS).map((name) => [name, exports[name]]));
  return run as KernelFunctions;
}

/** The kernels of one backend, its tensors' addresses, and the scratch memory that calls share. */
export class WasmKernels {
  readonly run: KernelFunctions;
  readonly pool: ThreadPool | undefined;
  /** Threads that were asked for; there is one where the heap is not shared. */
  readonly threadsWanted: number;
  private readonly backend: BackendWasm;
  private readonly host: HostModule;
  private readonly memory: WebAssembly.Memory;
  private scratch = 0;
  private scratchBytes = 0;

  constructor(
    backend: BackendWasm,
    host: HostModule,
    memory: WebAssembly.Memory,
    run: KernelFunctions,
    threadsWanted: number,
    pool: ThreadPool | undefined,
  ) {
    this.backend = backend;
    this.host = host;
    this.memory = memory;
    this.run = run;
    this.pool = pool;
    this.threadsWanted = threadsWanted;
  }

  /** Ends the threads and gives the scratch memory back. */
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

  /** A new float32 tensor, not initialised. */
  output(shape: number[]): tf.TensorInfo {
    return this.backend.makeOutput(shape, "float32");
  }

  /** Gives back a tensor that no one else was handed. */
  release(tensor: tf.TensorInfo): void {
    this.backend.disposeData(tensor.dataId);
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

  /** How many threads a piece of work should be given: small ones stay on one. `work` in multiply-adds. */
  threadsFor(work: number): number {
    return this.pool && work >= MIN_SHARED_WORK ? this.pool.available : 1;
  }

  /**
   * Cuts `units` of work into shares, one per thread, and runs a kernel on each.
   * @param args the kernel's arguments for the share [begin, end) of a thread
   */
  split(
    name: KernelName,
    units: number,
    threads: number,
    args: (begin: number, end: number, thread: number) => readonly number[],
  ): void {
    const count = Math.max(1, Math.min(threads, units));
    const bound = (i: number): number => Math.floor((i * units) / count);
    const parts = Array.from({ length: count }, (_, i) => args(bound(i), bound(i + 1), i));
    if (this.pool && count > 1) this.pool.call(name, parts);
    else for (const part of parts) this.run[name](...part);
  }

  /** Runs a kernel over `count` floats: `args` gets a share's distance in bytes from the start and its length. */
  splitFloats(
    name: KernelName,
    count: number,
    args: (bytes: number, length: number) => readonly number[],
  ): void {
    const pieces = Math.ceil(count / FLOAT_PIECE);
    this.split(name, pieces, this.threadsFor(count * FLOAT_WORK), (begin, end) => {
      const from = begin * FLOAT_PIECE;
      return args(4 * from, Math.min(count, end * FLOAT_PIECE) - from);
    });
  }

  /** Copies a plan to the heap, with scratch buffers behind it for each thread, and returns a header for each. */
  place(plan: Plan, threads: number): number[] {
    const headerBytes = 4 * Math.ceil(PlanField.Count / 16) * 16;
    const end = Math.ceil(plan.totalBytes / 64) * 64;
    const stride = headerBytes + end - plan.threadStart;
    const base = this.reserve(end + (threads - 1) * stride);
    const heap = new Int32Array(this.memory.buffer);
    heap.set(plan.tables, base / 4 + PlanField.Count);
    return Array.from({ length: threads }, (_, thread) => {
      const header = thread === 0 ? base : base + end + (thread - 1) * stride;
      // Where the buffers of this thread lie, against where they would lie behind the first header.
      const shift = thread === 0 ? 0 : header + headerBytes - base - plan.threadStart;
      heap.set(plan.header, header / 4);
      for (const [field, offset] of plan.addresses) {
        heap[header / 4 + field] = base + offset + (offset >= plan.threadStart ? shift : 0);
      }
      return header;
    });
  }

  /** Address of at least `bytes` of scratch memory, aligned to 64; the next call may use the same. */
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
