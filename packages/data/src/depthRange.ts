// How images deeper than 8 bits become numbers from 0 to 1.

import { describeValue, GmrError } from "@gmr-conv/core";

/**
 * Which values become 0 and 1: the image's 1st and 99.8th percentiles (`"auto"`; values beyond are clipped), its
 * extremes (`"image"`), the extremes of its type (`"type"`), or two given values.
 */
export type DepthRange = "auto" | "image" | "type" | readonly [low: number, high: number];

/** The largest 16-bit value. */
export const MAX_16_BIT = 65_535;

/** The percentiles of `"auto"`. */
export const [LOW_SHARE, HIGH_SHARE] = [0.01, 0.998];

/**
 * Numbers from 0 to 1.
 * @param most the largest value of the type
 * @throws GmrError `invalid-argument` for an invalid range
 */
export function scaled(values: ArrayLike<number>, range: DepthRange, most: number): Float32Array {
  const [low, high] = limitsOf(values, range, most);
  const span = high > low ? high - low : 1;
  return Float32Array.from(values, (value) => Math.min(1, Math.max(0, (value - low) / span)));
}

/** The values that become 0 and 1. @throws GmrError `invalid-argument` for an invalid range */
export function limitsOf(
  values: ArrayLike<number>,
  range: DepthRange,
  most: number,
): readonly [number, number] {
  if (range === "type") return [0, most];
  if (range === "image" || range === "auto") {
    const sorted = Float32Array.from(values).sort();
    const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))];
    return range === "image" ? [at(0), at(1)] : [at(LOW_SHARE), at(HIGH_SHARE)];
  }
  if (Array.isArray(range) && range.length === 2 && range[0] < range[1]) return [range[0], range[1]];
  throw new GmrError(
    "invalid-argument",
    `range must be "auto", "image", "type" or two rising numbers, got ${describeValue(range)}`,
  );
}
