// Which part of an axis a kernel position, or a run of them, reads.

import type { Native, NativeOps } from "../nativeOps.ts";

/** The indices that are read: [low, high) of the axis, with zeros before and after. */
export interface Window {
  low: number;
  high: number;
  before: number;
  after: number;
}

/**
 * @param start what the first output reads first; may lie before the axis
 * @param length how many indices are read from there on
 * @param size of the axis
 * @returns undefined where nothing but zeros is read
 */
export function windowOf(start: number, length: number, size: number): Window | undefined {
  const low = Math.max(0, start);
  const high = Math.min(size, start + length);
  if (high <= low) return undefined;
  return { low, high, before: low - start, after: start + length - high };
}

/** The part of x that the windows of its axes name, without their zeros; x itself where that is all. */
export function crop(ops: NativeOps, x: Native, windows: readonly (Window | undefined)[]): Native {
  const begin = x.shape.map((_, axis) => windows[axis]?.low ?? 0);
  const size = x.shape.map((n, axis) => (windows[axis]?.high ?? n) - begin[axis]);
  return ops.slice(x, begin, size);
}

/** The zeros of the windows put around a cropped x. */
export function pad(ops: NativeOps, x: Native, windows: readonly (Window | undefined)[]): Native {
  return ops.pad(
    x,
    x.shape.map((_, axis) => [windows[axis]?.before ?? 0, windows[axis]?.after ?? 0] as const),
  );
}
