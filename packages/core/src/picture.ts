// Slices of a dense kernel as grids of numbers, for pictures.

import { checkRank, product } from "./axes.ts";
import { checkLength } from "./checks.ts";
import { describeValue, GmrError } from "./errors.ts";

/** A grid of numbers, row-major, with their range. */
export interface KernelPicture {
  width: number;
  height: number;
  /** [height · width]. */
  values: Float64Array;
  min: number;
  max: number;
}

/**
 * The part of a dense kernel between one input channel and one output channel.
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
 * The picture of a kernel slice: a 1-D slice becomes one row, a 3-D slice its central plane.
 *
 * @param slice [...k], from {@link kernelSlice}
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

function isIndex(index: number, length: number): boolean {
  return Number.isSafeInteger(index) && index >= 0 && index < length;
}
