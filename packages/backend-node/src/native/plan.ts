// What the kernels in `native/` are called with: integers in the order of `native/kernels.h`.

import { type Gather, type PoolShape, summedRows } from "@gmr-conv/tfjs";

/** Which kernel, in the order of `native/kernels.h`. */
export enum Kind {
  Forward,
  FilterGradient,
  BothGradients,
  Norm,
  NormGradients,
  NormInference,
  AddRelu,
  ReluGradient,
  Sgd,
  AdamW,
  Mix,
  MixSigmas,
  Sum,
  MaxPoolGradient,
}

/** The bits of a number as float32. */
export const bitsOf = (value: number): number => new Int32Array(Float32Array.of(value).buffer)[0];

/**
 * The integers of a convolution.
 * @param transposed whether the weights are [matrix, outChannels / groups, inChannels]
 */
export function convolutionPlan(g: Gather, transposed: boolean): number[] {
  const { sources, taps } = summedRows(g);
  const { groups = 1 } = g;
  return [
    ...[g.images, ...g.inSize, g.inChannels / groups, ...g.padBefore, ...g.spread],
    ...[...g.outSize, g.outChannels / groups, ...g.strides, groups],
    (g.kernelSize[2] - 1) * g.dilations[2] + 1,
    ...[g.matrices, g.slots.length, sources.length, taps.flat().length, Number(transposed)],
    ...sources.flatMap((rows) => [rows.length, ...rows.flat()]),
    ...taps.flatMap((list, slot) => [
      g.slots[slot].matrix,
      list.length,
      ...list.flatMap(({ row, column }) => [row, column]),
    ]),
  ];
}

/** The integers of pooling. */
export function poolPlan(shape: PoolShape): number[] {
  const { images, channels, inSize, outSize, filter, strides, padBefore } = shape;
  return [images, channels, ...inSize, ...outSize, ...filter, ...strides, ...padBefore];
}
