// The three convolutions of training as the shaders see them: gather from a zero-padded source, add up the pixels of
// each *slot*, multiply. A slot is what has a weight matrix of its own: a ring, or a single position of a dense kernel.

import type { ConvShape, Size3 } from "@gmr-conv/tfjs";

/** A convolution of stride and dilation over a source that is padded, cropped and spread out. */
export interface Gather {
  images: number;
  inSize: Size3;
  inChannels: number;
  outSize: Size3;
  outChannels: number;
  strides: Size3;
  /** Size of the padded source. */
  paddedSize: Size3;
  /** Position of source pixel 0 in the padded source; negative crops. */
  offset: Size3;
  /** Distance of source pixels in the padded source. */
  step: Size3;
  /** Weight matrices, of which some may be without a tap. */
  matrices: number;
  /** Weight matrix of each slot. */
  slots: readonly number[];
  /** For each slot, the distances of its taps from an output pixel's first one, in padded pixels. */
  taps: readonly (readonly number[])[];
}

const ONES: Size3 = [1, 1, 1];

function map3(value: (axis: 0 | 1 | 2) => number): Size3 {
  return [value(0), value(1), value(2)];
}

export const volume = ([depth, height, width]: Size3): number => depth * height * width;

/** y from x; also the sums that the gradient of the weights needs. */
export function forwardGather(shape: ConvShape): Gather {
  return makeGather(shape, slotsOf(shape), shape.padBefore, ONES);
}

/** The gradient of the input is a convolution of dy, spread out by the strides, with the reflected kernel. */
export function inputGradientGather(shape: ConvShape): Gather {
  const { inSize, inChannels, outSize, outChannels, kernelSize, dilations, padBefore } = shape;
  const adjoint: ConvShape = {
    ...shape,
    inSize: outSize,
    inChannels: outChannels,
    outSize: inSize,
    outChannels: inChannels,
    strides: ONES,
  };
  const offset = map3((a) => (kernelSize[a] - 1) * dilations[a] - padBefore[a]);
  return makeGather(adjoint, slotsOf(shape).reverse(), offset, shape.strides);
}

function slotsOf({ ringIndex, matrices }: ConvShape): number[] {
  return ringIndex ? [...ringIndex] : Array.from({ length: matrices }, (_, i) => i);
}

/** Taps that no output pixel finds inside the source are left out, and so are slots without taps. */
function makeGather(shape: ConvShape, matrixOf: readonly number[], offset: Size3, step: Size3): Gather {
  const { images, inSize, inChannels, outSize, outChannels, kernelSize, strides, dilations } = shape;
  const paddedSize = map3((a) => (outSize[a] - 1) * strides[a] + (kernelSize[a] - 1) * dilations[a] + 1);
  const isLive = (axis: 0 | 1 | 2, k: number): boolean => {
    const at = k * dilations[axis];
    const last = offset[axis] + (inSize[axis] - 1) * step[axis];
    return at <= last && at + (outSize[axis] - 1) * strides[axis] >= offset[axis];
  };
  const taps = new Map<number, number[]>();
  matrixOf.forEach((matrix, position) => {
    const x = position % kernelSize[2];
    const y = Math.floor(position / kernelSize[2]) % kernelSize[1];
    const z = Math.floor(position / kernelSize[2] / kernelSize[1]);
    if (matrix < 0 || !isLive(0, z) || !isLive(1, y) || !isLive(2, x)) return;
    const at = (z * dilations[0] * paddedSize[1] + y * dilations[1]) * paddedSize[2] + x * dilations[2];
    const list = taps.get(matrix);
    if (list) list.push(at);
    else taps.set(matrix, [at]);
  });
  const live = [...taps].sort(([a], [b]) => a - b);
  return {
    images,
    inSize,
    inChannels,
    outSize,
    outChannels,
    strides,
    paddedSize,
    offset,
    step,
    matrices: shape.matrices,
    slots: live.map(([slot]) => slot),
    taps: live.map(([, list]) => list),
  };
}
