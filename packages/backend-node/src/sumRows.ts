// Sums of many rows by few steps each: the ops of the native library on the CPU add them one after the other, and
// rounding grows with every step.

import type { Native, NativeOps } from "./nativeOps.ts";

/** Rows that are added one after the other. */
const FEWEST = 64;
const MOST = 256;

/** Into how many groups of at least {@link FEWEST} rows to split: few rows stay together. */
export function groupCount(rows: number): number {
  for (let size = FEWEST; size <= MOST; size++) if (rows % size === 0) return rows / size;
  // No such group: the smallest larger one that fits, if there are two of it at least.
  for (let size = MOST + 1; size <= rows / 2; size++) if (rows % size === 0) return rows / size;
  return 1;
}

/** The sums [C] over the rows of x [rows, C]. */
export function sumRows(ops: NativeOps, x: Native): Native {
  const [rows, channels] = x.shape;
  const groups = rows > MOST ? groupCount(rows) : 1;
  if (groups === 1) return ops.reduceSum(x, 0);
  const sums = ops.reduceSum(ops.reshape(x, [rows / groups, groups * channels]), 0);
  return sumRows(ops, ops.reshape(sums, [groups, channels]));
}
