// How long a program takes to its first prediction and its first training step, each time in a fresh process.

import { fileURLToPath } from "node:url";
import type { BackendChoice } from "../backendNames.ts";
import { BenchProcess, numberIn } from "./benchProcess.ts";
import { START_PHASES, type StartTime } from "./measurements.ts";

/** The argument of `startProcess.ts`. */
export interface StartInput {
  backend: BackendChoice;
  threads?: number | undefined;
}

/** The milliseconds of each phase in one process. */
export type Start = Record<(typeof START_PHASES)[number], number>;

/**
 * Starts processes one after the other. `onStart` is called with the times of each.
 * @throws GmrError `unsupported` with the message of a process that failed
 */
export async function benchStart(
  input: StartInput,
  processes: number,
  onStart: (times: Start) => void,
): Promise<StartTime[]> {
  const program = fileURLToPath(new URL("startProcess.js", import.meta.url));
  const starts: Start[] = [];
  let threads = 1;
  for (let i = 0; i < processes; i++) {
    const child = await BenchProcess.start(process.execPath, [program, JSON.stringify(input)]);
    try {
      threads = child.threads;
      const answer = await child.ask({});
      const times = Object.fromEntries(START_PHASES.map((phase) => [phase, numberIn(answer, phase)]));
      starts.push(times as Start);
      onStart(times as Start);
    } finally {
      await child.close();
    }
  }
  return startTimes(starts, { backend: input.backend, threads });
}

/** The best and the median of each phase, and of all that lies between the imports and the first prediction's end. */
export function startTimes(
  starts: readonly Start[],
  common: Pick<StartTime, "backend" | "threads">,
): StartTime[] {
  const ready = (times: Start): number => times.backend + times.load + times["first prediction"];
  return [...START_PHASES, "ready" as const].map((phase) => {
    const sorted = starts
      .map((times) => (phase === "ready" ? ready(times) : times[phase]))
      .sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    const round = (ms: number): number => Number(ms.toFixed(1));
    return { kind: "start", ...common, phase, ms: round(sorted[0]), medianMs: round(median) };
  });
}
