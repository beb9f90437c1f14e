// The other end of benchProcess.ts: a process that measures on request.

import { createInterface } from "node:readline";
import { reasonOf } from "@gmr-conv/core";

/** What a process does: it answers requests, which are lines of JSON. */
interface Service {
  threads: number;
  answer(request: string): Promise<object>;
}

/** Answers requests until the input ends. An error is the last answer. */
export async function serve(start: () => Promise<Service>): Promise<void> {
  const say = (value: object): void => console.log(JSON.stringify(value));
  try {
    const { threads, answer } = await start();
    say({ ready: true, threads });
    for await (const line of createInterface({ input: process.stdin })) say(await answer(line));
  } catch (error) {
    say({ error: reasonOf(error) });
    process.exitCode = 1;
  }
}

/** One measurement: the time of `work`, and the peak memory of this process so far. */
export async function measureTurn(work: () => Promise<void>): Promise<{ ms: number; peakMB: number }> {
  const start = performance.now();
  await work();
  const ms = performance.now() - start;
  return { ms, peakMB: Math.round(process.resourceUsage().maxRSS / 1024) };
}
