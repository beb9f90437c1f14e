// Which backends work here, as the command tells; tests on the others are skipped, with the reason.

import { gmr } from "./cli.ts";

const { stdout: info } = await gmr(["info"]);

/** Whether a backend works here; prints why not. */
export function works(backend: string): boolean {
  const [, state = "unknown"] = new RegExp(`^backend ${backend}: (.*)$`, "m").exec(info) ?? [];
  if (state.startsWith("works")) return true;
  console.warn(`Tests on ${backend} are skipped: ${state}`);
  return false;
}
