// Pooling as kernels see it, always with three axes: missing ones are added in front.

import * as tf from "@tensorflow/tfjs";
import type { Size3 } from "./convShape.ts";

type Shape4 = [number, number, number, number];
type Shape5 = [number, number, number, number, number];

/** Pooling [N, ...in, C] → [N, ...out, C]. */
export interface PoolShape {
  images: number;
  channels: number;
  inSize: Size3;
  outSize: Size3;
  filter: Size3;
  strides: Size3;
  padBefore: Size3;
}

/** Attributes that the stock kernels of image pooling share, channels last. */
export type Pool2DKernelAttrs = tf.NamedAttrMap & {
  filterSize: number | [number, number];
  strides: number | [number, number];
  pad: "valid" | "same" | number | tf.backend_util.ExplicitPadding;
  dimRoundingMode?: "floor" | "round" | "ceil";
};

/** The shape of stock image pooling, channels last. */
export function pool2DShape(
  inShape: readonly number[],
  { filterSize, strides, pad, dimRoundingMode }: Pool2DKernelAttrs,
): PoolShape {
  const shape = inShape as Shape4;
  const info = tf.backend_util.computePool2DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode);
  return {
    images: info.batchSize,
    channels: info.inChannels,
    inSize: [1, info.inHeight, info.inWidth],
    outSize: [1, info.outHeight, info.outWidth],
    filter: [1, info.filterHeight, info.filterWidth],
    strides: [1, info.strideHeight, info.strideWidth],
    padBefore: [0, info.padInfo.top, info.padInfo.left],
  };
}

/** Attributes that the stock kernels of volume pooling share, channels last. */
export type Pool3DKernelAttrs = tf.NamedAttrMap & {
  filterSize: number | [number, number, number];
  strides: number | [number, number, number];
  pad: "valid" | "same" | number;
  dimRoundingMode?: "floor" | "round" | "ceil";
};

/** The shape of stock volume pooling, channels last. */
export function pool3DShape(
  inShape: readonly number[],
  { filterSize, strides, pad, dimRoundingMode }: Pool3DKernelAttrs,
): PoolShape {
  const shape = inShape as Shape5;
  const info = tf.backend_util.computePool3DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode);
  return {
    images: info.batchSize,
    channels: info.inChannels,
    inSize: [info.inDepth, info.inHeight, info.inWidth],
    outSize: [info.outDepth, info.outHeight, info.outWidth],
    filter: [info.filterDepth, info.filterHeight, info.filterWidth],
    strides: [info.strideDepth, info.strideHeight, info.strideWidth],
    padBefore: [info.padInfo.front, info.padInfo.top, info.padInfo.left],
  };
}
