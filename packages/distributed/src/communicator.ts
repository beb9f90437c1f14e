// What a training needs of its other processes.

/** How numbers of several ranks become one. */
export type Reduction = "sum" | "max";

/**
 * Processes that work on the same thing, each with its own device. All methods but `abort` are collective: every rank
 * calls them in the same order, with arrays of the same lengths.
 */
export interface Communicator {
  /** This process, from 0. */
  readonly rank: number;
  /** Number of processes. */
  readonly size: number;
  /** This process among those on the same machine, from 0. */
  readonly localRank: number;
  /** Number of processes on this machine. */
  readonly localSize: number;
  /** Such as `Open MPI v4.1.4`. */
  readonly name: string;
  /** An array of zeros that {@link allReduce} works on in place; any other array is copied. */
  shared(length: number): Float32Array;
  /**
   * Replaces each number by its sum or maximum over all ranks. The promise resolves when that is done; until then the
   * array must be left alone. It goes on while this thread computes.
   */
  allReduce(values: Float32Array | Float64Array, reduction?: Reduction): Promise<void>;
  /** The same, blocking this thread. */
  allReduceNow(values: Float32Array | Float64Array, reduction?: Reduction): void;
  /**
   * The bytes of rank 0, on every rank. The others pass nothing.
   * @param patient other ranks may wait for as long as rank 0 needs
   */
  broadcast(bytes: Uint8Array | undefined, patient?: boolean): Promise<Uint8Array>;
  /**
   * The bytes of each rank, in order, on rank 0; undefined on the others. Their lengths may differ.
   * @param patient some ranks may wait for as long as others need
   */
  gather(bytes: Uint8Array, patient?: boolean): Promise<Uint8Array[] | undefined>;
  /** Ends the processes of all ranks at once with an exit code of 1, after printing why. */
  abort(reason: string): void;
  /** Ends communication; the last call. */
  close(): Promise<void>;
}

/** The communicator of a process without others. */
export function singleProcess(): Communicator {
  return {
    rank: 0,
    size: 1,
    localRank: 0,
    localSize: 1,
    name: "a single process",
    shared: (length) => new Float32Array(length),
    allReduce: async () => {},
    allReduceNow: () => {},
    broadcast: async (bytes) => bytes ?? new Uint8Array(0),
    gather: async (bytes) => [bytes],
    abort(reason) {
      throw new Error(reason);
    },
    close: async () => {},
  };
}
