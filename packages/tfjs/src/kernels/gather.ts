// The three convolutions of training as kernels compute them: gather from a zero-padded source, add up the pixels of
// each weight matrix, multiply. Taps that no output pixel finds inside the source are left out: a 9×9 kernel on a 2×2
// image needs two of its five rings.

import { adjointShape, type ConvShape, matrixIndex, type Size3 } from "./convShape.ts";

/** What is computed: y from x, dx from dy, or dW from x and dy, which gathers from x as well. */
export type ConvUse = "forward" | "input" | "filter";

/** A weight matrix and the kernel positions that use it. */
export interface Slot {
  /** Index among the weight matrices. */
  matrix: number;
  /** [z, y, x] in the kernel, row-major. */
  taps: readonly Size3[];
}

/** A convolution over a padded source. */
export interface Gather extends ConvShape {
  paddedSize: Size3;
  /** Weight matrices with a live tap, in order. */
  slots: readonly Slot[];
}

export function gatherOf(shape: ConvShape, use: ConvUse): Gather {
  const of = use === "input" ? adjointShape(shape) : shape;
  const { inSize, outSize, kernelSize, strides, dilations, padBefore, spread } = of;
  const padded = (axis: 0 | 1 | 2): number =>
    (outSize[axis] - 1) * strides[axis] + (kernelSize[axis] - 1) * dilations[axis] + 1;
  /** Whether some output pixel may find kernel index k inside the source; an overestimate with strides. */
  const isLive = (axis: 0 | 1 | 2, k: number): boolean => {
    const at = k * dilations[axis];
    const last = padBefore[axis] + (inSize[axis] - 1) * spread[axis];
    return at <= last && at + (outSize[axis] - 1) * strides[axis] >= padBefore[axis];
  };
  const [, height, width] = kernelSize;
  const taps = new Map<number, Size3[]>();
  matrixIndex(of).forEach((matrix, position) => {
    const x = position % width;
    const y = Math.floor(position / width) % height;
    const z = Math.floor(position / width / height);
    if (matrix < 0 || !isLive(0, z) || !isLive(1, y) || !isLive(2, x)) return;
    const list = taps.get(matrix);
    if (list) list.push([z, y, x]);
    else taps.set(matrix, [[z, y, x]]);
  });
  return {
    ...of,
    paddedSize: [padded(0), padded(1), padded(2)],
    slots: [...taps].sort(([a], [b]) => a - b).map(([matrix, list]) => ({ matrix, taps: list })),
  };
}

/** A string that differs between any two convolutions, as a cache key. */
export const keyOf = (shape: ConvShape, use: ConvUse): string => `${use}/${Object.values(shape).join("/")}`;
