import { Worker } from "node:worker_threads";
import { checkFinite, checkKeys, GmrError, type KeysOf } from "@gmr-conv/core";
import type { Communicator, Reduction } from "../communicator.ts";
import type { Report, Request, ThreadInput, Work } from "./messages.ts";

export interface MpiOptions {
  /** The file of the MPI library. Default: GMR_MPI_LIBRARY, else that of the launcher. */
  library?: string | undefined;
  /** Seconds to wait for a rank before the job is ended with a message that names it. Default 120. */
  timeout?: number | undefined;
}

const KEYS: KeysOf<MpiOptions> = { library: true, timeout: true };

/** Whether a launcher of MPI programs has started this process. */
export function startedByMpi(): boolean {
  const { env } = process;
  return ["OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK"].some((name) => env[name] !== undefined);
}

/**
 * Joins the processes that `mpirun`, `srun` or another launcher of MPI programs has started. MPI is called in a thread
 * of its own, so that exchanges go on while this one computes. Once per process.
 *
 * A rank that dies ends the job at once (the launcher sees to it), one that hangs after `timeout` seconds, with a
 * message that names it.
 *
 * @throws GmrError `unsupported` without koffi or an MPI library, or if the launcher is another MPI's; `io` if MPI
 *   fails
 */
export async function openMpi(options: MpiOptions = {}): Promise<Communicator> {
  const { library = process.env.GMR_MPI_LIBRARY, timeout = 120 } = checkKeys(
    "the options of openMpi",
    options,
    KEYS,
  );
  if (checkFinite("timeout", timeout) <= 0) {
    throw new GmrError("invalid-argument", `timeout must be positive, got ${timeout}`);
  }
  chooseAllReduce();
  const bell = new Int32Array(new SharedArrayBuffer(4));
  const workerData: ThreadInput = { library, timeout, bell };
  const thread = new Worker(new URL("./thread.js", import.meta.url), { workerData });
  thread.unref();
  const ready = await new Promise<Extract<Report, { kind: "ready" }>>((resolve, reject) => {
    thread.ref();
    thread.once("error", reject);
    thread.once("message", (message: Report) => {
      if (message.kind === "ready") resolve(message);
      else
        reject(
          new GmrError("unsupported", message.kind === "failed" ? message.message : "MPI did not start"),
        );
    });
  });
  thread.removeAllListeners("error");
  thread.unref();
  return new MpiCommunicator(thread, bell, ready);
}

/**
 * Open MPI adds up arrays in place along a binomial tree, 2 log₂ n times all bytes one after the other. Halving and
 * doubling the data on the way (Rabenseifner's algorithm) sends everything about twice; two ranks simply swap it once.
 * Read when MPI starts, and ignored by other libraries.
 */
function chooseAllReduce(): void {
  const { env } = process;
  env.OMPI_MCA_coll_libnbc_iallreduce_algorithm ??=
    env.OMPI_COMM_WORLD_SIZE === "2" ? "4" /* recursive doubling */ : "3"; /* Rabenseifner */
}

/** Largest number of bytes in a broadcast: counts are C integers. */
const CHUNK = 2 ** 30;

class MpiCommunicator implements Communicator {
  readonly rank: number;
  readonly size: number;
  readonly localRank: number;
  readonly localSize: number;
  readonly name: string;
  private readonly thread: Worker;
  private readonly bell: Int32Array<SharedArrayBuffer>;
  private readonly waiting = new Map<number, () => void>();
  private count = 0;
  private failure: GmrError | undefined;
  private onClosed: (() => void) | undefined;

  constructor(
    thread: Worker,
    bell: Int32Array<SharedArrayBuffer>,
    { rank, size, localRank, localSize, name }: Extract<Report, { kind: "ready" }>,
  ) {
    this.rank = rank;
    this.size = size;
    this.localRank = localRank;
    this.localSize = localSize;
    this.name = name;
    this.thread = thread;
    this.bell = bell;
    thread.on("message", (message: Report) => this.hear(message));
    thread.on("error", (error) => this.fail(error.message));
  }

  shared(length: number): Float32Array {
    return new Float32Array(new SharedArrayBuffer(4 * length));
  }

  allReduce(values: Float32Array | Float64Array, reduction: Reduction = "sum"): Promise<void> {
    return this.reduced(values, reduction, false);
  }

  private async reduced(
    values: Float32Array | Float64Array,
    reduction: Reduction,
    patient: boolean,
  ): Promise<void> {
    const data = inSharedMemory(values);
    await this.finished(this.start({ kind: "allReduce", data, reduction }, { patient }));
    if (data !== values) values.set(data);
  }

  allReduceNow(values: Float32Array | Float64Array, reduction: Reduction = "sum"): void {
    const data = inSharedMemory(values);
    const { done } = this.start({ kind: "allReduce", data, reduction }, { urgent: true });
    Atomics.wait(done, 0, 0);
    if (data !== values) values.set(data);
  }

  async broadcast(bytes: Uint8Array | undefined, patient = false): Promise<Uint8Array> {
    const length = new Float64Array(new SharedArrayBuffer(8));
    if (this.rank === 0) length[0] = bytes?.length ?? 0;
    await this.finished(this.start({ kind: "broadcast", data: new Uint8Array(length.buffer) }, { patient }));
    const data = new Uint8Array(new SharedArrayBuffer(length[0]));
    if (this.rank === 0 && bytes) data.set(bytes);
    for (let at = 0; at < data.length; at += CHUNK) {
      await this.finished(this.start({ kind: "broadcast", data: data.subarray(at, at + CHUNK) }));
    }
    return this.rank === 0 ? (bytes ?? new Uint8Array(0)) : data.slice();
  }

  async gather(bytes: Uint8Array, patient = false): Promise<Uint8Array[] | undefined> {
    const { rank, size } = this;
    const lengths = new Float64Array(size);
    lengths[rank] = bytes.length;
    await this.reduced(lengths, "sum", patient);
    const counts = Int32Array.from(lengths);
    const total = lengths.reduce((a, b) => a + b, 0);
    if (total >= 2 ** 31) {
      throw new GmrError(
        "out-of-memory",
        `${total} bytes to gather, expected less than 2^31: gather fewer at a time`,
      );
    }
    const starts = new Int32Array(size);
    for (let i = 1; i < size; i++) starts[i] = starts[i - 1] + counts[i - 1];
    const into = new Uint8Array(new SharedArrayBuffer(rank === 0 ? total : 0));
    const data = new Uint8Array(new SharedArrayBuffer(bytes.length));
    data.set(bytes);
    await this.finished(this.start({ kind: "gather", data, into, counts, starts }));
    return rank === 0 ? Array.from(counts, (n, i) => into.slice(starts[i], starts[i] + n)) : undefined;
  }

  abort(reason: string): void {
    this.post({ kind: "abort", reason });
    // The thread ends the process.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5000);
  }

  async close(): Promise<void> {
    if (this.failure) throw this.failure;
    const closed = new Promise<void>((resolve) => {
      this.onClosed = resolve;
    });
    this.thread.ref();
    this.post({ kind: "close" });
    await closed;
    await this.thread.terminate();
  }

  private start(
    work: Work,
    { patient = false, urgent = false } = {},
  ): { id: number; done: Int32Array<SharedArrayBuffer> } {
    if (this.failure) throw this.failure;
    const id = ++this.count;
    const done = new Int32Array(new SharedArrayBuffer(4));
    this.post({ ...work, id, done, patient, urgent });
    return { id, done };
  }

  private finished({ id, done }: { id: number; done: Int32Array }): Promise<void> {
    if (Atomics.load(done, 0) === 1) return Promise.resolve();
    return new Promise((resolve, reject) => {
      if (this.waiting.size === 0) this.thread.ref();
      this.waiting.set(id, () => (this.failure ? reject(this.failure) : resolve()));
    });
  }

  private post(request: Request): void {
    this.thread.postMessage(request);
    Atomics.add(this.bell, 0, 1);
    Atomics.notify(this.bell, 0);
  }

  private hear(message: Report): void {
    if (message.kind === "done") this.settle(message.id);
    else if (message.kind === "closed") this.onClosed?.();
  }

  private settle(id: number): void {
    this.waiting.get(id)?.();
    if (this.waiting.delete(id) && this.waiting.size === 0) this.thread.unref();
  }

  private fail(reason: string): void {
    this.failure = new GmrError("io", `rank ${this.rank} of ${this.size}: ${reason}`);
    for (const id of [...this.waiting.keys()]) this.settle(id);
  }
}

/** The array itself, or a copy of it in shared memory. */
function inSharedMemory<T extends Float32Array | Float64Array>(values: T): T {
  if (values.buffer instanceof SharedArrayBuffer) return values;
  const copy = new (values.constructor as new (buffer: SharedArrayBuffer) => T)(
    new SharedArrayBuffer(values.byteLength),
  );
  copy.set(values);
  return copy;
}
