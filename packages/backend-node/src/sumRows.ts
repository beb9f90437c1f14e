// Sums of many rows in few steps each: the native library's CPU ops add rows one by one, and rounding grows with every
// step.

import type { Native, NativeOps } from "./nativeOps.ts";

/** Rows that are added one by one. */
const FEWEST = 64;
const MOST = 256;
/** Numbers per group in sums of any length: with 16, sums of equal numbers are accurate to 6e-7 at any size. */
export const GROUP = 16;

/** Rows of two matrices whose products are added one by one. */
const PRODUCT_ROWS = 1 << 14;

/** Rows of a matrix that are multiplied together, where it has at least {@link TALL} of them. */
const BLOCK = 512;
const TALL = 1 << 13;

/** The number of groups of at least {@link FEWEST} rows to split into: few rows stay together. */
export function groupCount(rows: number): number {
  for (let size = FEWEST; size <= MOST; size++) if (rows % size === 0) return rows / size;
  // Otherwise, the smallest larger group size that fits at least twice.
  for (let size = MOST + 1; size <= rows / 2; size++) if (rows % size === 0) return rows / size;
  return 1;
}

/** The sums [C] over the rows of x [rows, C]. */
export function sumRows(ops: NativeOps, x: Native): Native {
  const [rows, channels] = x.shape;
  return ops.reshape(sumAxis(ops, ops.reshape(x, [1, rows, channels])), [channels]);
}

/** The sums [outer, inner] over the second axis of x [outer, length, inner]. */
export function sumAxis(ops: NativeOps, x: Native): Native {
  const [outer, length, inner] = x.shape;
  if (length <= GROUP) return ops.reduceSum(x, 1);
  const groups = Math.floor(length / GROUP);
  const grouped = groups * GROUP;
  const whole = grouped === length ? x : ops.slice(x, [0, 0, 0], [outer, grouped, inner]);
  const parts = ops.reduceSum(ops.reshape(whole, [outer * groups, GROUP, inner]), 1);
  const sums = ops.reshape(parts, [outer, groups, inner]);
  if (whole === x) return sumAxis(ops, sums);
  const rest = ops.slice(x, [0, grouped, 0], [outer, length - grouped, inner]);
  ops.free(whole);
  return sumAxis(ops, ops.concat([sums, ops.reshape(ops.reduceSum(rest, 1), [outer, 1, inner])], 1));
}

/**
 * aᵀ · b of matrices [rows, …]. Many rows are split: TensorFlow adds up the products of narrow matrices one by
 * one, and rounding grows with every step.
 */
export function productOfRows(ops: NativeOps, a: Native, b: Native): Native {
  const [rows, m] = a.shape;
  const [, n] = b.shape;
  const groups = Math.floor(rows / PRODUCT_ROWS);
  if (groups < 2 || ops.backend.isUsingGpuDevice) return ops.matMul(a, b, true);
  const grouped = groups * PRODUCT_ROWS;
  const [left, right] = [a, b].map((x) =>
    ops.reshape(ops.slice(x, [0, 0], [grouped, x.shape[1]]), [groups, PRODUCT_ROWS, x.shape[1]]),
  );
  const products = ops.reshape(ops.productOfStacks(left, right, true), [groups, m * n]);
  const sums = ops.reshape(sumRows(ops, products), [m, n]);
  if (grouped === rows) return sums;
  const [lastA, lastB] = [a, b].map((x) => ops.slice(x, [grouped, 0], [rows - grouped, x.shape[1]]));
  return ops.binary("AddV2", sums, ops.matMul(lastA, lastB, true));
}

/** a · b of matrices: on the CPU, a tall a of few columns is faster in blocks. */
export function productOfBlocks(ops: NativeOps, a: Native, b: Native): Native {
  const [rows, columns] = a.shape;
  if (rows < TALL || rows % BLOCK !== 0 || ops.backend.isUsingGpuDevice) return ops.matMul(a, b);
  const blocks = ops.reshape(a, [rows / BLOCK, BLOCK, columns]);
  const products = ops.productOfStacks(blocks, b);
  // Another handle of a's memory, which the caller may want to free.
  ops.free(blocks);
  return ops.reshape(products, [rows, b.shape[1]]);
}
