import { reasonOf } from "@gmr-conv/core";

/** One line for the user about a peer that cannot run. */
export function leftOut(name: string, error: unknown): string {
  return `${name} is left out: ${reasonOf(error)}`;
}
