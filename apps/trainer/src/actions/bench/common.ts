// What the benchmarks share: their options and output.

import type { BackendChoice } from "../../backendNames.ts";
import { peerPython } from "../../bench/peers/pytorch.ts";
import { ratios } from "../../bench/ratios.ts";
import { ratioTable } from "../../bench/tables.ts";

export interface CommonOptions {
  backend: BackendChoice;
  repeat: number;
  json: boolean;
  /** The given Python, or true without one. */
  peers?: string | true;
}

/** Prints measurements as they come, if JSON is wanted. */
export function printer({ json }: CommonOptions): (value: object) => void {
  return (value) => {
    if (json) console.log(JSON.stringify(value));
  };
}

/** Prints a table, unless JSON is wanted. */
export function print({ json }: CommonOptions, table: () => string): void {
  if (!json) console.log(table());
}

export function printRatios(options: CommonOptions, times: Parameters<typeof ratios>[0]): void {
  const all = ratios(times);
  for (const ratio of all) printer(options)(ratio);
  if (all.length > 0) print(options, () => ratioTable(all));
}

export function note(text: string): void {
  console.error(`gmr: ${text}`);
}

export function python({ peers }: CommonOptions): string {
  return peerPython(typeof peers === "string" ? peers : undefined);
}
