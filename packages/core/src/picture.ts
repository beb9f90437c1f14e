// Data for pictures of kernels: slices of a dense kernel, their profile along the radius, and pixels in a
// blue-white-red colour map, in which 0 is white.

import { checkRank, product } from "./axes.ts";
import { checkFinite, checkLength, describeValue, GmrError } from "./errors.ts";
import { centreDistances, type RingPartition } from "./rings.ts";

/** A grid of numbers, row-major, with their range. */
export interface KernelPicture {
  width: number;
  height: number;
  /** [height · width]. */
  values: Float64Array;
  min: number;
  max: number;
}

/** The mean of a kernel over one ring. */
export interface RingProfilePoint {
  ring: number;
  /** Mean distance of the ring's positions to the centre, in kernel positions. */
  radius: number;
  value: number;
}

/**
 * The part of a dense kernel that leads from one input channel to one output channel.
 *
 * @param kernel [...k, Cin/groups, Cout]
 * @param channels the sizes [Cin/groups, Cout]
 * @param pair the indices [input channel within its group, output channel]
 * @returns [...k]
 * @throws GmrError `invalid-shape` for another length of the kernel, `invalid-argument` for indices out of range
 */
export function kernelSlice(
  kernel: ArrayLike<number>,
  kernelSize: readonly number[],
  channels: readonly [inPerGroup: number, outChannels: number],
  pair: readonly [input: number, output: number],
): Float64Array {
  const [inPerGroup, outChannels] = channels;
  const [input, output] = pair;
  const positions = product(kernelSize);
  checkLength(
    "kernel",
    kernel,
    positions * inPerGroup * outChannels,
    describeValue([...kernelSize, ...channels]),
  );
  if (!isIndex(input, inPerGroup) || !isIndex(output, outChannels)) {
    throw new GmrError(
      "invalid-argument",
      `pair must lie within the channels ${describeValue(channels)}, got ${describeValue(pair)}`,
    );
  }
  return Float64Array.from(
    { length: positions },
    (_, position) => kernel[(position * inPerGroup + input) * outChannels + output],
  );
}

/**
 * The picture of a kernel slice: a 1-D slice is one row, a 3-D slice is shown by its central plane.
 *
 * @param slice [...k], as {@link kernelSlice} gives it
 * @throws GmrError `invalid-shape` if the slice does not have the length of `kernelSize`, or that has more than 3 axes
 */
export function kernelPicture(slice: ArrayLike<number>, kernelSize: readonly number[]): KernelPicture {
  checkRank("the number of axes of kernelSize", kernelSize.length);
  checkLength("slice", slice, product(kernelSize), describeValue(kernelSize));
  const [depth, height, width] = [...new Array<number>(3 - kernelSize.length).fill(1), ...kernelSize];
  const first = Math.floor(depth / 2) * height * width;
  const values = Float64Array.from({ length: height * width }, (_, i) => slice[first + i]);
  return { width, height, values, min: Math.min(...values), max: Math.max(...values) };
}

/**
 * The mean of a kernel slice over each ring, from the centre outwards; rings without positions are left out.
 *
 * @param slice [...k], as {@link kernelSlice} gives it
 * @throws GmrError `invalid-shape` if the slice does not have the partition's length
 */
export function ringProfile(slice: ArrayLike<number>, partition: RingPartition): RingProfilePoint[] {
  const { index, counts, kernelSize } = partition;
  checkLength("slice", slice, index.length, describeValue(kernelSize));
  const distances = centreDistances(kernelSize);
  const points = Array.from(counts, (_, ring) => ({ ring, radius: 0, value: 0 }));
  index.forEach((ring, position) => {
    if (ring < 0) return;
    points[ring].radius += distances[position] / counts[ring];
    points[ring].value += slice[position] / counts[ring];
  });
  return points.filter(({ ring }) => counts[ring] > 0);
}

/**
 * The pixels of a picture, four bytes (red, green, blue, opacity) each, ready for a canvas' `ImageData`. The map
 * runs from blue for -limit over white for 0 to red for limit.
 *
 * @param limit the magnitude with full colour; by default the picture's largest magnitude. Pictures that are to
 *   be compared need the same.
 * @returns [height · width · 4]
 * @throws GmrError `invalid-argument` if `limit` is not a positive finite number
 */
export function pictureToRgba(
  picture: KernelPicture,
  limit = Math.max(Math.abs(picture.min), Math.abs(picture.max)) || 1,
): Uint8ClampedArray {
  if (!(checkFinite("limit", limit) > 0)) {
    throw new GmrError("invalid-argument", `limit must be positive, got ${describeValue(limit)}`);
  }
  const pixels = new Uint8ClampedArray(picture.values.length * 4);
  picture.values.forEach((value, i) => {
    pixels.set(divergingColour(value / limit), i * 4);
  });
  return pixels;
}

function isIndex(index: number, length: number): boolean {
  return Number.isSafeInteger(index) && index >= 0 && index < length;
}

const BLUE = [33, 102, 172];
const WHITE = [255, 255, 255];
const RED = [178, 24, 43];

/** The colour of a number from -1 (blue) over 0 (white) to 1 (red); the ends are those of ColorBrewer's RdBu. */
function divergingColour(value: number): number[] {
  const end = value < 0 ? BLUE : RED;
  const share = Math.min(Math.abs(value), 1);
  return [...WHITE.map((white, i) => white + share * (end[i] - white)), 255];
}
