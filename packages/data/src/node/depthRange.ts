// How images deeper than 8 bits become numbers from 0 to 1.

import { describeValue, GmrError } from "@gmr-conv/core";
import { guarded, imageInfo, isGrey } from "./imageInfo.ts";
import { type ImageInput, nameOfImage, openImage } from "./openImage.ts";

/**
 * Which values become 0 and 1: the image's 1st and 99.8th percentiles (`"auto"`; values beyond are clipped), its
 * extremes (`"image"`), the extremes of its type (`"type"`), or two given values.
 */
export type DepthRange = "auto" | "image" | "type" | readonly [low: number, high: number];

/** The largest 16-bit value. */
export const MAX_16_BIT = 65_535;

/** The percentiles of `"auto"`. */
const [LOW_SHARE, HIGH_SHARE] = [0.01, 0.998];

/** Numbers per strip that {@link imageLimits} reads. */
const STRIP = 2 ** 24;

/**
 * The values of an image that become 0 and 1, so that parts of it are scaled like the whole. Reads the image once,
 * strip by strip.
 * @returns undefined for 8-bit images, which are not scaled
 * @throws GmrError as `decodeImage`
 */
export async function imageLimits(
  file: ImageInput,
  range: DepthRange = "auto",
): Promise<readonly [low: number, high: number] | undefined> {
  const { height, width, depth } = await imageInfo(file);
  if (depth <= 8) return undefined;
  if (range !== "auto" && range !== "image") return limitsOf([], range, MAX_16_BIT);
  return guarded(nameOfImage(file), async () => {
    const counts = await histogram(file, height, width);
    const total = counts.reduce((a, b) => a + b, 0);
    const at = (share: number): number => {
      let left = Math.round(share * (total - 1));
      return counts.findIndex((count) => {
        left -= count;
        return left < 0;
      });
    };
    return range === "image" ? [at(0), at(1)] : [at(LOW_SHARE), at(HIGH_SHARE)];
  });
}

/** How often each 16-bit value occurs in an image. */
async function histogram(file: ImageInput, height: number, width: number): Promise<Float64Array> {
  const { space } = await openImage(file).metadata();
  const counts = new Float64Array(MAX_16_BIT + 1);
  const rows = Math.max(1, Math.floor(STRIP / width));
  for (let top = 0; top < height; top += rows) {
    const { data } = await openImage(file, { failOn: "warning" })
      .extract({ left: 0, top, width, height: Math.min(rows, height - top) })
      .toColourspace(isGrey(space) ? "grey16" : "rgb16")
      .removeAlpha()
      .raw({ depth: "ushort" })
      .toBuffer({ resolveWithObject: true });
    for (const value of new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2)) counts[value]++;
  }
  return counts;
}

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

function limitsOf(values: ArrayLike<number>, range: DepthRange, most: number): readonly [number, number] {
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
