// Which part of an axis a kernel position, or a run of them, reads.

import type { Native, NativeOps } from "../nativeOps.ts";

/** The indices read: [low, high) of the axis, plus zeros before and after. */
export interface Window {
  low: number;
  high: number;
  before: number;
  after: number;
}

/**
 * @param start first index read by the first output; may lie before the axis
 * @param length number of indices read from there on
 * @param size of the axis
 * @returns undefined if only zeros are read
 */
export function windowOf(start: number, length: number, size: number): Window | undefined {
  const low = Math.max(0, start);
  const high = Math.min(size, start + length);
  if (high <= low) return undefined;
  return { low, high, before: low - start, after: start + length - high };
}

/** The part of x inside the windows of its axes, without their zeros; x itself if that is all. */
export function crop(ops: NativeOps, x: Native, windows: readonly (Window | undefined)[]): Native {
  const begin = x.shape.map((_, axis) => windows[axis]?.low ?? 0);
  const size = x.shape.map((n, axis) => (windows[axis]?.high ?? n) - begin[axis]);
  return ops.slice(x, begin, size);
}

/** Pads a cropped x with the zeros of its windows. */
export function pad(ops: NativeOps, x: Native, windows: readonly (Window | undefined)[]): Native {
  return ops.pad(
    x,
    x.shape.map((_, axis) => [windows[axis]?.before ?? 0, windows[axis]?.after ?? 0] as const),
  );
}
