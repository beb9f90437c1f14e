// Implementations of one network that take turns, each in its own process.

import type { BenchProcess, Turn } from "./benchProcess.ts";
import type { NetworkPass, NetworkTime } from "./measurements.ts";
import { bestInTurn } from "./turns.ts";

/** An implementation that has not started. */
export interface Entrant {
  backend: string;
  impl: NetworkTime["impl"];
  /**
   * Starts its process; undefined, with a note to the user, if it cannot run here.
   * @param threads of the entrant that started first, which gets undefined
   */
  start(threads: number | undefined): Promise<BenchProcess | undefined>;
}

/** The best time and the peak memory of each entrant that runs here. @throws GmrError `unsupported` */
export async function measureInTurn(
  entrants: readonly Entrant[],
  { runs, ...common }: { model: string; pass: NetworkPass; batch: number; runs: number },
): Promise<NetworkTime[]> {
  const running: (Omit<Entrant, "start"> & { process: BenchProcess })[] = [];
  try {
    for (const { backend, impl, start } of entrants) {
      const process = await start(running[0]?.process.threads);
      if (process) running.push({ backend, impl, process });
    }
    const last: Turn[] = [];
    const best = await bestInTurn(
      running.map(({ process }, i) => async () => {
        last[i] = await process.turn({});
        return last[i].ms;
      }),
      runs,
    );
    return running.map(({ backend, impl, process }, i) => {
      const { peakMB, beforeMB } = last[i];
      return {
        kind: "network",
        ...common,
        backend,
        threads: process.threads,
        impl,
        ms: best[i],
        peakMB,
        ...(beforeMB === undefined ? {} : { beforeMB }),
      };
    });
  } finally {
    await Promise.all(running.map(({ process }) => process.close()));
  }
}
