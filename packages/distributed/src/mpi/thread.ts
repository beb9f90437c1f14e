// The thread that calls MPI: requests go on while the other thread computes, and it notices ranks that hang.

import { spawn } from "node:child_process";
import { writeSync } from "node:fs";
import os from "node:os";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { GmrError, reasonOf } from "@gmr-conv/core";
import { FUNNELED, loadMpi, type Mpi } from "./library.ts";
import type { Report, Request, ThreadInput } from "./messages.ts";

const port = parentPort;
if (!port) throw new GmrError("internal", "thread.ts must be started as a worker thread");
const report = (message: Report): void => port.postMessage(message);

/** The tag of messages that say where a rank waits. */
const WAITING = 7;

/** Lengths of waits between looks at MPI, milliseconds: short at first, so that quick exchanges stay quick. */
const SHORTEST = 0.05;
const LONGEST = 2;

/** How long to look without pauses while the other thread is blocked, milliseconds. */
const URGENT = 1;

/** A look that took this long, in milliseconds, has moved data: look again at once. */
const MOVED = 0.02;

/** How long ending the job through MPI may take, milliseconds. */
const MS_TO_ABORT = 10_000;

/** Bytes for the name of a rank. */
const NAME_BYTES = 128;

type Started = Exclude<Request, { kind: "abort" | "close" }>;

interface Pending {
  request: Started;
  handle: BigInt64Array<ArrayBuffer>;
  since: number;
}

class MpiThread {
  private readonly mpi: Mpi;
  private readonly input: ThreadInput;
  private readonly pending: Pending[] = [];
  private readonly flag = new Int32Array(1);
  private rank = 0;
  private size = 1;
  /** Host and process of each rank (on others than rank 0: of rank 0 only). */
  private names: string[] = [];
  /** Rank 0: a receive for each other rank, completed once that rank has waited too long. */
  private readonly waiting: { handle: BigInt64Array<ArrayBuffer>; where: Uint8Array<ArrayBuffer> }[] = [];
  /** When this rank told rank 0 that it waits. */
  private told: number | undefined;
  private sent: BigInt64Array<ArrayBuffer> | undefined;

  constructor(mpi: Mpi, input: ThreadInput) {
    this.mpi = mpi;
    this.input = input;
  }

  start(): void {
    const { mpi } = this;
    const [number, length] = [new Int32Array(1), new Int32Array(1)];
    this.check("MPI_Init_thread", mpi.initThread(FUNNELED, number));
    if (number[0] < FUNNELED) {
      throw new GmrError("unsupported", `${mpi.file} supports no threads beside the one that calls it`);
    }
    this.check("MPI_Comm_set_errhandler", mpi.returnErrors());
    const ask = (what: (communicator: bigint, out: Int32Array) => number, communicator: bigint): number => {
      this.check("MPI_Comm_rank or MPI_Comm_size", what(communicator, number));
      return number[0];
    };
    this.rank = ask(mpi.rank, mpi.world);
    this.size = ask(mpi.size, mpi.world);
    this.checkLauncher();
    const machine = new BigInt64Array(1);
    this.check("MPI_Comm_split_type", mpi.splitByMachine(machine));
    const text = new Uint8Array(8192);
    this.check("MPI_Get_library_version", mpi.version(text, length));
    this.exchangeNames();
    report({
      kind: "ready",
      rank: this.rank,
      size: this.size,
      localRank: ask(mpi.rank, machine[0]),
      localSize: ask(mpi.size, machine[0]),
      name: nameOf(new TextDecoder().decode(text.subarray(0, length[0]))),
      file: mpi.file,
    });
  }

  /** Does requests until it is closed. */
  run(): void {
    const { bell } = this.input;
    let pause = SHORTEST;
    for (;;) {
      const seen = Atomics.load(bell, 0);
      for (let message = receiveMessageOnPort(port!); message; message = receiveMessageOnPort(port!)) {
        if (this.take(message.message as Request)) return;
        pause = SHORTEST;
      }
      if (this.pending.length === 0) {
        Atomics.wait(bell, 0, seen);
        continue;
      }
      const began = performance.now();
      if (this.look()) pause = SHORTEST;
      else if (began - this.pending[0].since < (this.pending[0].request.urgent ? URGENT : 0)) continue;
      else if (performance.now() - began < MOVED) {
        Atomics.wait(bell, 0, seen, pause);
        pause = Math.min(LONGEST, 1.1 * pause);
      }
      this.checkTime();
    }
  }

  /** @returns whether that was the last request */
  private take(request: Request): boolean {
    if (request.kind === "close") {
      this.finish();
      return true;
    }
    if (request.kind === "abort") {
      this.end(request.reason);
      return true;
    }
    const handle = new BigInt64Array(1);
    this.check(`starting ${request.kind}`, this.begin(request, handle));
    this.pending.push({ request, handle, since: performance.now() });
    return false;
  }

  private begin(request: Started, handle: BigInt64Array<ArrayBuffer>): number {
    const { mpi } = this;
    switch (request.kind) {
      case "allReduce": {
        const { data, reduction } = request;
        const type = data instanceof Float32Array ? mpi.types.float : mpi.types.double;
        return mpi.iallreduce(data, data.length, type, mpi.reductions[reduction], handle);
      }
      case "broadcast":
        return mpi.ibcast(request.data, request.data.length, handle);
      case "gather": {
        const { data, into, counts, starts } = request;
        return mpi.igatherv(data, data.length, into, counts, starts, handle);
      }
    }
  }

  /** Takes note of what is done. @returns whether anything was */
  private look(): boolean {
    const before = this.pending.length;
    for (let i = 0; i < this.pending.length; ) {
      const { request, handle } = this.pending[i];
      if (!this.isDone(handle, request.kind)) {
        i++;
        continue;
      }
      this.pending.splice(i, 1);
      this.told = undefined;
      Atomics.store(request.done, 0, 1);
      Atomics.notify(request.done, 0);
      report({ kind: "done", id: request.id });
    }
    return this.pending.length < before;
  }

  private isDone(handle: BigInt64Array<ArrayBuffer>, what: string): boolean {
    this.check(what, this.mpi.test(handle, this.flag));
    return this.flag[0] !== 0;
  }

  /** Ends the job, naming the ranks that are missing, if others have waited too long for them. */
  private checkTime(): void {
    const oldest = this.pending[0];
    if (!oldest || oldest.request.patient) return;
    const { timeout } = this.input;
    const waited = (performance.now() - oldest.since) / 1000;
    if (waited < timeout) return;
    const grace = Math.max(1, 0.1 * timeout);
    const { kind, id } = oldest.request;
    const what = `${kind} ${id}`;
    if (this.rank !== 0) {
      if (this.told === undefined && !this.sent) {
        this.told = performance.now();
        this.tell(id);
      } else if (waited > timeout + 3 * grace) {
        this.end(`rank 0 (${this.names[0]}) has not answered for ${Math.round(waited)} s, at ${what}`);
      }
      return;
    }
    if (waited < timeout + grace) return;
    const missing: string[] = [];
    for (let rank = 1; rank < this.size; rank++) {
      const { handle, where } = this.waiting[rank - 1];
      const at = this.isDone(handle, "receiving") ? new DataView(where.buffer).getInt32(0) : undefined;
      const who = `rank ${rank} (${this.names[rank]})`;
      if (at === undefined) missing.push(who);
      else if (at !== id) missing.push(`${who}, which waits at exchange ${at}`);
    }
    const whom = missing.length > 0 ? missing.join(", ") : "the network: all ranks wait";
    this.end(`waited ${Math.round(waited)} s at ${what} for ${whom}`);
  }

  /** Tells rank 0 at which request this rank waits. */
  private tell(id: number): void {
    const where = new Uint8Array(4);
    new DataView(where.buffer).setInt32(0, id);
    this.sent = new BigInt64Array(1);
    this.check("MPI_Isend", this.mpi.isend(where, 0, WAITING, this.sent));
  }

  /** Prints why, and ends all ranks. */
  end(reason: string): void {
    writeSync(2, `rank ${this.rank} of ${this.size}: ${reason}\n`);
    // MPI_Abort ends the process, but waits for ever where the launcher cannot be reached any more.
    const killer = `setTimeout(() => process.kill(${process.pid}, "SIGKILL"), ${MS_TO_ABORT})`;
    spawn(process.execPath, ["-e", killer], { detached: true, stdio: "ignore", env: {} }).unref();
    this.mpi.abort(1);
    process.kill(process.pid, "SIGKILL");
  }

  private finish(): void {
    // Completes the receives of rank 0.
    if (this.rank !== 0 && !this.sent) this.tell(-1);
    if (this.sent) this.await(this.sent, "MPI_Isend");
    for (const { handle } of this.waiting) this.await(handle, "MPI_Irecv");
    this.check("MPI_Finalize", this.mpi.finalize());
    report({ kind: "closed" });
  }

  private await(handle: BigInt64Array<ArrayBuffer>, what: string): void {
    while (!this.isDone(handle, what))
      Atomics.wait(this.input.bell, 0, Atomics.load(this.input.bell, 0), SHORTEST);
  }

  private exchangeNames(): void {
    const own = new Uint8Array(NAME_BYTES);
    new TextEncoder().encodeInto(`${os.hostname()}, process ${process.pid}`, own);
    const all = new Uint8Array(NAME_BYTES * this.size);
    const counts = new Int32Array(this.size).fill(NAME_BYTES);
    const starts = counts.map((_, rank) => rank * NAME_BYTES);
    const handle = new BigInt64Array(1);
    this.check("MPI_Igatherv", this.mpi.igatherv(own, NAME_BYTES, all, counts, starts, handle));
    this.await(handle, "MPI_Igatherv");
    this.check("MPI_Ibcast", this.mpi.ibcast(all, all.length, handle));
    this.await(handle, "MPI_Ibcast");
    this.names = Array.from(counts, (_, rank) =>
      new TextDecoder().decode(all.subarray(rank * NAME_BYTES, (rank + 1) * NAME_BYTES)).replace(/\0+$/, ""),
    );
    if (this.rank !== 0) return;
    for (let rank = 1; rank < this.size; rank++) {
      const [receive, where] = [new BigInt64Array(1), new Uint8Array(4)];
      this.check("MPI_Irecv", this.mpi.irecv(where, rank, WAITING, receive));
      this.waiting.push({ handle: receive, where });
    }
  }

  /** @throws GmrError `unsupported` if the launcher belongs to another library, in which every process is alone */
  private checkLauncher(): void {
    const { OMPI_COMM_WORLD_SIZE, PMI_SIZE, SLURM_STEP_NUM_TASKS } = process.env;
    const started = Number(OMPI_COMM_WORLD_SIZE ?? PMI_SIZE ?? SLURM_STEP_NUM_TASKS ?? this.size);
    if (started === this.size) return;
    throw new GmrError(
      "unsupported",
      `${started} processes were started together, but ${this.mpi.file} knows of ${this.size}: use the launcher of the ` +
        "same MPI, or name its library's file in GMR_MPI_LIBRARY",
    );
  }

  private check(what: string, code: number): void {
    if (code === 0) return;
    const [text, length] = [new Uint8Array(1024), new Int32Array(1)];
    this.mpi.errorText(code, text, length);
    const reason = new TextDecoder().decode(text.subarray(0, length[0]));
    throw new GmrError("io", `${what} failed: ${reason || `MPI error ${code}`}`);
  }
}

/** The first line of what a library says of itself, such as `Open MPI v4.1.4`. */
function nameOf(version: string): string {
  const mpich = /^(MPICH) Version:\s*(\S+)/.exec(version);
  if (mpich) return `${mpich[1]} ${mpich[2]}`;
  return version.split(/[,\n\0]/)[0].trim();
}

let thread: MpiThread | undefined;
try {
  const input = workerData as ThreadInput;
  thread = new MpiThread(await loadMpi(input.library), input);
  thread.start();
} catch (error) {
  thread = undefined;
  report({ kind: "failed", message: reasonOf(error) });
}
try {
  thread?.run();
} catch (error) {
  thread?.end(reasonOf(error)); // The other thread may be blocked, and the other ranks wait.
}
