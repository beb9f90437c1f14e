// What stands outside an image when it is moved and its pixels are read from beyond the border.

import { describeValue, GmrError } from "../errors.ts";

/**
 * Pixels outside an image: a number for all channels or one per channel, `"reflect"` (mirrored without repeating the
 * outermost pixel), or `"replicate"` (the nearest pixel), as in `PadMode`. White is 1 for images from 0 to 1.
 */
export type Fill = number | readonly number[] | "reflect" | "replicate";

/**
 * A fill with one number per channel, or a rule.
 * @throws GmrError `invalid-argument` for anything else
 */
export function checkFill(fill: Fill, channels: number): Float64Array | "reflect" | "replicate" {
  if (fill === "reflect" || fill === "replicate") return fill;
  const values = typeof fill === "number" ? new Array<number>(channels).fill(fill) : fill;
  if (Array.isArray(values) && values.length === channels && values.every(Number.isFinite)) {
    return Float64Array.from(values);
  }
  throw new GmrError(
    "invalid-argument",
    `fill must be "reflect", "replicate", a number or ${channels} numbers, one per channel, ` +
      `got ${describeValue(fill)}`,
  );
}

/** The index in [0, size) of a pixel outside, when pixels are mirrored without repeating the outermost one. */
export function mirroredIndex(index: number, size: number): number {
  if (size === 1) return 0;
  const period = 2 * (size - 1);
  const within = ((index % period) + period) % period;
  return within < size ? within : period - within;
}

/** The index in [0, size) of the pixel nearest to one outside. */
export function nearestIndex(index: number, size: number): number {
  return Math.min(Math.max(index, 0), size - 1);
}
