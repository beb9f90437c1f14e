// What the thread that calls MPI and the one that computes tell each other.

import type { Reduction } from "../communicator.ts";

/** Given to the thread at its start. */
export interface ThreadInput {
  library: string | undefined;
  /** Seconds after which a rank counts as lost. */
  timeout: number;
  /** [1]: rings when there is a new request. */
  bell: Int32Array<SharedArrayBuffer>;
}

/** Arrays are in shared memory: the thread works on them in place. */
export type Work =
  | { kind: "allReduce"; data: Float32Array | Float64Array; reduction: Reduction }
  | { kind: "broadcast"; data: Uint8Array }
  | { kind: "gather"; data: Uint8Array; into: Uint8Array; counts: Int32Array; starts: Int32Array };

export type Request =
  | (Work & {
      id: number;
      /** [1]: 1 once it is done. */
      done: Int32Array<SharedArrayBuffer>;
      /** Whether it may take any time. */
      patient: boolean;
      /** Whether the other thread is blocked until it is done. */
      urgent: boolean;
    })
  | { kind: "abort"; reason: string }
  | { kind: "close" };

/** What the thread reports. */
export type Report =
  | {
      kind: "ready";
      rank: number;
      size: number;
      localRank: number;
      localSize: number;
      name: string;
      file: string;
    }
  | { kind: "done"; id: number }
  | { kind: "closed" }
  | { kind: "failed"; message: string };
