// A pool of threads that run the kernels on one shared heap.
//
// A job is a list of calls, one per thread; the calling thread runs the first itself and spins until the others are
// done. An idle thread spins for a moment, since the next kernel usually follows within microseconds, and then sleeps.
// Threads that are still starting are left out, so nothing ever waits for a start.

import { GmrError, isNode } from "@gmr-conv/core";
import { KERNEL_ARGUMENTS, type Kernels } from "./generated/kernels.ts";

/** Integers of the state: threads that are ready, calls not done, calls that failed, stop; then a cell per thread. */
const READY = 0;
const PENDING = 1;
const FAILED = 2;
const STOP = 3;
const CELLS = 16;
/** Numbers of a call: which kernel, how many arguments, the arguments. */
const CALL = 2 + Math.max(...Object.values(KERNEL_ARGUMENTS));
/** A thread that takes longer than this after the caller has finished its own call is considered dead. */
const PATIENCE_MS = 60_000;

/** What a thread is passed when it starts. */
interface ThreadInput {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  state: SharedArrayBuffer;
  calls: SharedArrayBuffer;
  /** Numbers per call. */
  callSize: number;
  /** Index of this thread, from 0. */
  index: number;
  names: readonly string[];
}

/** The part of a worker's handle common to Node and browsers, or specific to Node. */
interface ThreadHandle {
  unref?(): void;
  terminate(): unknown;
}

/**
 * The program of a thread. It is started from its source text, so that bundlers need no settings, and must not refer to
 * anything outside itself.
 */
function threadMain(input: ThreadInput): void {
  const [READY, PENDING, FAILED, STOP, CELLS, SPINS] = [0, 1, 2, 3, 16, 20_000];
  const state = new Int32Array(input.state);
  const calls = new Float64Array(input.calls);
  const { exports } = new WebAssembly.Instance(input.module, { env: { memory: input.memory } });
  const kernels = input.names.map((name) => exports[name] as (...args: number[]) => void);
  const cell = CELLS + input.index;
  let seen = Atomics.load(state, cell);
  Atomics.add(state, READY, 1);
  for (;;) {
    for (let spin = 0; Atomics.load(state, cell) === seen; spin++) {
      if (spin > SPINS) Atomics.wait(state, cell, seen);
    }
    seen = Atomics.load(state, cell);
    if (Atomics.load(state, STOP) !== 0) return;
    try {
      const at = input.index * input.callSize;
      kernels[calls[at]](...calls.subarray(at + 2, at + 2 + calls[at + 1]));
    } catch {
      Atomics.add(state, FAILED, 1);
    }
    Atomics.sub(state, PENDING, 1);
  }
}

/** Runs kernels on several threads. */
export class ThreadPool {
  /** Threads, including the calling one. */
  readonly size: number;
  private readonly state: Int32Array;
  private readonly calls: Float64Array;
  private readonly names: readonly (keyof Kernels)[];
  private readonly run: Kernels;
  private handles: ThreadHandle[] = [];
  /** What went wrong in the middle of a job, whose results are lost. */
  private failure: string | undefined;
  /** Why a thread ended between jobs or at its start: one thread continues. */
  private ending: string | undefined;

  private constructor(size: number, names: readonly (keyof Kernels)[], run: Kernels) {
    this.size = size;
    this.names = names;
    this.run = run;
    this.state = new Int32Array(new SharedArrayBuffer(4 * (CELLS + size)));
    this.calls = new Float64Array(new SharedArrayBuffer(8 * CALL * size));
  }

  /**
   * Starts `size - 1` threads besides the calling one.
   * @param run the kernels' exports on the calling thread, by name
   */
  static async start(
    size: number,
    module: WebAssembly.Module,
    memory: WebAssembly.Memory,
    run: Kernels,
  ): Promise<ThreadPool> {
    const pool = new ThreadPool(size, Object.keys(KERNEL_ARGUMENTS) as (keyof Kernels)[], run);
    const start = await threadStarter();
    for (let index = 0; index < size - 1; index++) {
      const input: ThreadInput = {
        module,
        memory,
        state: pool.state.buffer as SharedArrayBuffer,
        calls: pool.calls.buffer as SharedArrayBuffer,
        callSize: CALL,
        index,
        names: pool.names,
      };
      const handle = start(input, (reason) => pool.end(reason));
      // The program ends when its own work is done, whatever the threads do.
      handle.unref?.();
      pool.handles.push(handle);
    }
    return pool;
  }

  /** Threads that take part in jobs once they have started, including the calling one. */
  get threads(): number {
    return this.handles.length === 0 || this.ending !== undefined ? 1 : this.size;
  }

  /** Threads that can take part in a job now, including the calling one. */
  get available(): number {
    if (this.failure !== undefined) throw this.failed();
    return Atomics.load(this.state, READY) < this.handles.length ? 1 : this.threads;
  }

  private end(reason: string): void {
    if (this.threads === 1) return;
    this.ending = reason;
    console.warn(`GMR-Conv: one thread, since another thread of the wasm kernels ${reason}`);
  }

  /** Calls one kernel once per list of arguments, the first on this thread. */
  call(name: keyof Kernels, parts: readonly (readonly number[])[]): void {
    const { state, calls } = this;
    const kernel = this.names.indexOf(name);
    Atomics.store(state, PENDING, parts.length - 1);
    for (let thread = 0; thread < parts.length - 1; thread++) {
      const args = parts[thread + 1];
      calls[thread * CALL] = kernel;
      calls[thread * CALL + 1] = args.length;
      calls.set(args, thread * CALL + 2);
      Atomics.add(state, CELLS + thread, 1);
      Atomics.notify(state, CELLS + thread);
    }
    (this.run[name] as (...args: number[]) => void)(...parts[0]);
    this.wait();
  }

  private wait(): void {
    const { state } = this;
    let started = 0;
    for (let spin = 1; Atomics.load(state, PENDING) > 0; spin++) {
      if (spin % 100_000 !== 0) continue;
      started ||= performance.now();
      if (performance.now() - started > PATIENCE_MS) {
        this.failure = `did not finish within ${PATIENCE_MS / 1000} s`;
        throw this.failed();
      }
    }
    if (Atomics.load(state, FAILED) > 0) {
      this.failure = "failed in a kernel";
      throw this.failed();
    }
  }

  private failed(): GmrError {
    return new GmrError(
      "internal",
      `a thread of the wasm kernels ${this.failure}; call useWasm({ threads: 1 })`,
    );
  }

  /** Ends the threads. */
  dispose(): void {
    Atomics.store(this.state, STOP, 1);
    for (let thread = 0; thread < this.handles.length; thread++) {
      Atomics.add(this.state, CELLS + thread, 1);
      Atomics.notify(this.state, CELLS + thread);
    }
    const { handles } = this;
    this.handles = [];
    for (const handle of handles) handle.terminate();
  }
}

type Start = (input: ThreadInput, onDeath: (reason: string) => void) => ThreadHandle;

/** How threads are started here: by Node's worker_threads or by a browser's Worker. */
async function threadStarter(): Promise<Start> {
  if (isNode()) {
    const { Worker } = process.getBuiltinModule("node:worker_threads");
    const source = `(${threadMain})(require("node:worker_threads").workerData)`;
    return (input, onDeath) => {
      const worker = new Worker(source, { eval: true, workerData: input, execArgv: [] });
      worker.on("error", (error) => onDeath(`ended with an error: ${error.message}`));
      worker.on("exit", () => onDeath("ended"));
      return worker;
    };
  }
  const source = `self.onmessage = (event) => (${threadMain})(event.data)`;
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  return (input, onDeath) => {
    const worker = new Worker(url);
    worker.onerror = (event) => onDeath(`ended with an error: ${event.message}`);
    worker.postMessage(input);
    return worker;
  };
}
