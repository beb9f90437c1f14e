// The process of one network and one pass. `{"profile":true,"runs":n}` asks for a profile, anything else for a turn.

import { activeThreads, useBackend } from "../backend.ts";
import type { BackendChoice } from "../backendNames.ts";
import { type KernelShare, profileKernels } from "./kernelProfile.ts";
import type { NetworkImpl, NetworkPass } from "./measurements.ts";
import { type NetworkShape, networkRun } from "./networkRun.ts";
import { measureTurn, serve } from "./serve.ts";

/** The process's only argument, as JSON. */
export interface NetworkProcessInput {
  shape: NetworkShape;
  impl: NetworkImpl;
  pass: NetworkPass;
  backend: BackendChoice;
  threads?: number | undefined;
  /** Use the build of the wasm kernels without relaxed SIMD. */
  plain?: boolean | undefined;
}

await serve(async () => {
  const input: NetworkProcessInput = JSON.parse(process.argv[2]);
  if (input.plain) process.env.GMR_RELAXED_SIMD = "0";
  await useBackend(input.backend, { threads: input.threads });
  const run = networkRun(input.shape, input.impl, input.pass);
  return {
    threads: activeThreads(),
    async answer(line) {
      const request: { profile?: true; runs?: number } = JSON.parse(line);
      return request.profile ? { shares: await fastestProfile(run, request.runs ?? 1) } : measureTurn(run);
    },
  };
});

/** The profile of the fastest of several runs. */
async function fastestProfile(run: () => Promise<void>, runs: number): Promise<KernelShare[]> {
  let best: KernelShare[] = [];
  let bestTime = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i++) {
    const shares = await profileKernels(run);
    const time = shares.reduce((sum, { ms }) => sum + ms, 0);
    if (time < bestTime) [best, bestTime] = [shares, time];
  }
  return best;
}
