// A convolution as kernels see it, ring or dense, always with three axes: missing ones are added in front.

import * as tf from "@tensorflow/tfjs";
import type { RingConvAttrs } from "./checks.ts";

/** [depth, height, width] */
export type Size3 = readonly [number, number, number];

const ONES: Size3 = [1, 1, 1];

/** Number of positions of a size. */
export const volume = ([depth, height, width]: Size3): number => depth * height * width;

/** A convolution [N, ...in, Cin] → [N, ...out, Cout] whose kernel positions share weight matrices. */
export interface ConvShape {
  images: number;
  inSize: Size3;
  inChannels: number;
  outSize: Size3;
  outChannels: number;
  kernelSize: Size3;
  strides: Size3;
  dilations: Size3;
  /** Position of the first pixel in the padded input; negative crops. */
  padBefore: Size3;
  /** Distance between pixels in the padded input: 1, except for the adjoint of a strided convolution. */
  spread: Size3;
  /** Number of weight matrices [Cin, Cout]. */
  matrices: number;
  /**
   * Weight matrix of each kernel position, row-major, -1 for none; absent if each position has its own (a dense
   * kernel).
   */
  ringIndex?: readonly number[];
  /** Groups of channels convolved by themselves, with weight matrices [Cin / groups, Cout]; default 1. */
  groups?: number;
}

/** Extends a list of one to three numbers, one per spatial axis, to three, filling from the front. */
export function size3(values: readonly number[], fill: number): Size3 {
  const [depth, height, width] = [fill, fill, ...values].slice(-3);
  return [depth, height, width];
}

/** The shape of a ring convolution, from the attributes of its kernels. */
export function ringConvShape(
  attrs: RingConvAttrs & { groups?: number },
  images: number,
  inChannels: number,
  outChannels: number,
): ConvShape {
  return {
    images,
    inSize: size3(attrs.inputSize, 1),
    inChannels,
    outSize: size3(attrs.outputSize, 1),
    outChannels,
    kernelSize: size3(attrs.kernelSize, 1),
    strides: size3(attrs.strides, 1),
    dilations: size3(attrs.dilations, 1),
    padBefore: size3(attrs.padBefore, 0),
    spread: ONES,
    matrices: attrs.numRings,
    ringIndex: attrs.ringIndex,
    groups: attrs.groups ?? 1,
  };
}

/**
 * The convolution of dy that gives dx, with transposed weight matrices: dy spread out by the strides, and the kernel
 * reflected.
 */
export function adjointShape(shape: ConvShape): ConvShape {
  const { inSize, inChannels, outSize, outChannels, kernelSize, dilations, padBefore, strides } = shape;
  const before = (axis: 0 | 1 | 2): number => (kernelSize[axis] - 1) * dilations[axis] - padBefore[axis];
  return {
    ...shape,
    inSize: outSize,
    inChannels: outChannels,
    outSize: inSize,
    outChannels: inChannels,
    strides: ONES,
    padBefore: [before(0), before(1), before(2)],
    spread: strides,
    ringIndex: matrixIndex(shape).reverse(),
  };
}

/** Weight matrix of each kernel position, row-major, -1 for none. */
export function matrixIndex({ ringIndex, matrices }: ConvShape): number[] {
  return ringIndex ? [...ringIndex] : Array.from({ length: matrices }, (_, i) => i);
}

type Shape4 = [number, number, number, number];
type Shape5 = [number, number, number, number, number];

// Stock attributes are intersections: in an interface, an optional one would not fit NamedAttrMap's index signature.

/** Attributes that the stock kernels of `conv2d` share, channels last. */
export type Conv2DKernelAttrs = tf.NamedAttrMap & {
  strides: number | [number, number];
  pad: "valid" | "same" | number | tf.backend_util.ExplicitPadding;
  dataFormat: "NHWC" | "NCHW";
  dimRoundingMode?: "floor" | "round" | "ceil";
};

/** The shape of a stock `conv2d`, channels last. @param filterShape [h, w, Cin, Cout] */
export function conv2DShape(
  inShape: readonly number[],
  filterShape: readonly number[],
  dilations: number | [number, number],
  { strides, pad, dimRoundingMode }: Conv2DKernelAttrs,
): ConvShape {
  const info = tf.backend_util.computeConv2DInfo(
    inShape as Shape4,
    filterShape as Shape4,
    strides,
    dilations,
    pad,
    dimRoundingMode,
  );
  return {
    images: info.batchSize,
    inSize: [1, info.inHeight, info.inWidth],
    inChannels: info.inChannels,
    outSize: [1, info.outHeight, info.outWidth],
    outChannels: info.outChannels,
    kernelSize: [1, info.filterHeight, info.filterWidth],
    strides: [1, info.strideHeight, info.strideWidth],
    dilations: [1, info.dilationHeight, info.dilationWidth],
    padBefore: [0, info.padInfo.top, info.padInfo.left],
    spread: ONES,
    matrices: info.filterHeight * info.filterWidth,
  };
}

/** Attributes that the stock kernels of `conv3d` share. */
export type Conv3DKernelAttrs = tf.NamedAttrMap & {
  strides: number | [number, number, number];
  pad: "valid" | "same";
  dilations?: number | [number, number, number];
};

/** The shape of a stock `conv3d`. @param filterShape [d, h, w, Cin, Cout] */
export function conv3DShape(
  inShape: readonly number[],
  filterShape: readonly number[],
  { strides, pad, dilations = 1 }: Conv3DKernelAttrs,
): ConvShape {
  const info = tf.backend_util.computeConv3DInfo(
    inShape as Shape5,
    filterShape as Shape5,
    strides,
    dilations,
    pad,
  );
  return {
    images: info.batchSize,
    inSize: [info.inDepth, info.inHeight, info.inWidth],
    inChannels: info.inChannels,
    outSize: [info.outDepth, info.outHeight, info.outWidth],
    outChannels: info.outChannels,
    kernelSize: [info.filterDepth, info.filterHeight, info.filterWidth],
    strides: [info.strideDepth, info.strideHeight, info.strideWidth],
    dilations: [info.dilationDepth, info.dilationHeight, info.dilationWidth],
    padBefore: [info.padInfo.front, info.padInfo.top, info.padInfo.left],
    spread: ONES,
    matrices: info.filterDepth * info.filterHeight * info.filterWidth,
  };
}
