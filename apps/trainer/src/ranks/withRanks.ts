// Work that several processes do together.

import { readdirSync } from "node:fs";
import os from "node:os";
import { GmrError, reasonOf } from "@gmr-conv/core";
import type { Communicator } from "@gmr-conv/distributed";
import type { RankFlags } from "./options.ts";

/** What each process does. */
interface Work {
  /** On rank 0, or on the only process: the command itself. */
  first(communicator: Communicator | undefined): Promise<void>;
  /** On the other ranks. */
  others(communicator: Communicator): Promise<void>;
}

/**
 * Does the work of a command, together with other processes if `--distributed` says so. An error on one rank ends all
 * of them; only an interruption, which they agree on, ends each by itself.
 * @throws GmrError `invalid-argument` for a process that a launcher started together with others that it does not know
 *   of: they would overwrite each other's files
 */
export async function withRanks({ distributed, rankTimeout }: RankFlags, work: Work): Promise<void> {
  const { openMpi, startedByMpi } = await import("@gmr-conv/distributed/mpi");
  if (distributed === "none") {
    if (startedByMpi() && startedTogether() > 1) {
      if (rankByLauncher() !== 0) {
        // Rank 0 says why; a launcher may end it as soon as another fails.
        await pause(MS_FOR_RANK_0);
        process.exitCode = 1;
        return;
      }
      throw new GmrError(
        "invalid-argument",
        "this is one of several processes that a launcher of MPI started: add --distributed mpi, or start it alone",
      );
    }
    return work.first(undefined);
  }
  const communicator = await openMpi({ timeout: rankTimeout });
  pickDevice(communicator);
  try {
    await (communicator.rank === 0 ? work.first(communicator) : work.others(communicator));
  } catch (error) {
    const agreed = error instanceof GmrError && error.code === "interrupted";
    if (!agreed) {
      // What all ranks find, such as a wrong option, rank 0 alone says.
      if (communicator.rank !== 0) await pause(MS_FOR_RANK_0);
      communicator.abort(`gmr: ${reasonOf(error)}`);
    }
    if (communicator.rank !== 0) process.exitCode = 130;
    await communicator.close();
    if (communicator.rank === 0) throw error;
    return;
  }
  await communicator.close();
}

/** How long other ranks wait before they report an error, so that rank 0 reports its own first. */
const MS_FOR_RANK_0 = 1500;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Number of processes that the launcher has started, as far as it says so. */
function startedTogether(): number {
  const { OMPI_COMM_WORLD_SIZE, PMI_SIZE, SLURM_STEP_NUM_TASKS } = process.env;
  return Number(OMPI_COMM_WORLD_SIZE ?? PMI_SIZE ?? SLURM_STEP_NUM_TASKS ?? 1);
}

function rankByLauncher(): number {
  const { OMPI_COMM_WORLD_RANK, PMI_RANK, PMIX_RANK } = process.env;
  return Number(OMPI_COMM_WORLD_RANK ?? PMI_RANK ?? PMIX_RANK);
}

/** Threads for each of the processes on this machine. */
export function threadsOfRank({ localSize }: Communicator, wanted: number | undefined): number {
  // A launcher may have bound this process to some of the processors already.
  const share = Math.floor(os.cpus().length / localSize);
  return wanted ?? Math.max(1, Math.min(os.availableParallelism(), share));
}

/** Leaves each process on a machine one of its CUDA devices, in turn. CUDA reads the variable when it starts. */
function pickDevice({ localRank, localSize }: Communicator): void {
  if (localSize === 1) return;
  const given = process.env.CUDA_VISIBLE_DEVICES?.split(",");
  const devices = given ?? cudaDevices();
  if (devices.length > 0) process.env.CUDA_VISIBLE_DEVICES = devices[localRank % devices.length];
}

/** The numbers of the machine's CUDA devices (Linux). */
function cudaDevices(): string[] {
  try {
    return readdirSync("/proc/driver/nvidia/gpus").map((_, i) => String(i));
  } catch {
    return [];
  }
}
