// Measuring things in turn, round by round, so that a slow phase of the machine affects all of them alike.

import { GmrError } from "@gmr-conv/core";

/** Uncounted rounds, in which caches fill, code is compiled and memory is allocated. */
export const WARM_UP_ROUNDS = 2;

/** Does something once and returns the milliseconds it took. */
export type Run = () => Promise<number>;

/** The best time of each run, in order. @throws GmrError `invalid-argument` unless `rounds` is positive */
export async function bestInTurn(runs: readonly Run[], rounds: number): Promise<number[]> {
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new GmrError("invalid-argument", `rounds must be a positive integer, got ${rounds}`);
  }
  const best = runs.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < WARM_UP_ROUNDS + rounds; round++) {
    for (const [i, run] of runs.entries()) {
      const ms = await run();
      if (round >= WARM_UP_ROUNDS) best[i] = Math.min(best[i], ms);
    }
  }
  return best.map((ms) => Number(ms.toFixed(3)));
}
