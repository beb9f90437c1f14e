import { checkPositiveInteger } from "./checks.ts";
import { describeValue, GmrError } from "./errors.ts";

/** Number of spatial axes: 1 (signals), 2 (images) or 3 (volumes). */
export type Rank = 1 | 2 | 3;

/** One number for every axis, or one per axis. */
export type PerAxis = number | readonly number[];

/** The product of sizes; 1 for an empty list. */
export function product(sizes: Iterable<number>): number {
  let result = 1;
  for (const size of sizes) result *= size;
  return result;
}

/**
 * Returns `rank` if it is a number of spatial axes.
 * @throws GmrError `invalid-argument` if it is not 1, 2 or 3
 */
export function checkRank(name: string, rank: number): Rank {
  if (rank === 1 || rank === 2 || rank === 3) return rank;
  throw new GmrError("invalid-argument", `${name} must be 1, 2 or 3, got ${describeValue(rank)}`);
}

/**
 * Spreads a number over `rank` axes, or checks that a list has `rank` entries. `check` validates each entry.
 * @throws GmrError `invalid-shape` for a list of another length; and what `check` throws
 */
export function perAxis(
  name: string,
  value: PerAxis,
  rank: number,
  check: (name: string, value: unknown) => number = checkPositiveInteger,
): number[] {
  if (!Array.isArray(value)) return new Array<number>(rank).fill(check(name, value));
  if (value.length !== rank) {
    throw new GmrError("invalid-shape", `${name} must have ${rank} entries, got ${describeValue(value)}`);
  }
  return value.map((entry, axis) => check(`${name}[${axis}]`, entry));
}
