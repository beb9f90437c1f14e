// The gradients of the stock dense conv2d, and conv3d with its gradients. The stock backend has no
// Conv2DBackpropFilter, so that no dense network trains on it; its Conv2DBackpropInput and Conv3D do one
// multiplication at a time; its gradients of conv3d are wrong (they add to memory that they do not clear). A dense
// convolution is a ring convolution in which every kernel position is a ring of its own.

import { GmrError } from "@gmr-conv/core";
import { kernelConfig } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { type ConvShape, filterGradient, filterHasDeadMatrices, forward, inputGradient } from "../gather.ts";
import { kernelsOf, type WasmKernels } from "../module.ts";

type Shape4 = [number, number, number, number];

interface Conv2DAttrs extends tf.NamedAttrMap {
  strides: number | [number, number];
  pad: "valid" | "same" | number | tf.backend_util.ExplicitPadding;
  dataFormat: "NHWC" | "NCHW";
  dimRoundingMode?: "floor" | "round" | "ceil";
}

function shapeOf(
  inShape: Shape4,
  filterShape: Shape4,
  dilations: number | [number, number],
  attrs: Conv2DAttrs,
): ConvShape {
  if (attrs.dataFormat !== "NHWC") {
    throw new GmrError("unsupported", `the wasm backend needs data format NHWC, got ${attrs.dataFormat}`);
  }
  const info = tf.backend_util.computeConv2DInfo(
    inShape,
    filterShape,
    attrs.strides,
    dilations,
    attrs.pad,
    attrs.dimRoundingMode,
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
    matrices: info.filterHeight * info.filterWidth,
  };
}

type Shape5 = [number, number, number, number, number];

interface Conv3DAttrs extends tf.NamedAttrMap {
  strides: number | [number, number, number];
  pad: "valid" | "same";
  dilations?: number | [number, number, number];
}

function shapeOf3D(inShape: Shape5, filterShape: Shape5, attrs: Conv3DAttrs): ConvShape {
  const info = tf.backend_util.computeConv3DInfo(
    inShape,
    filterShape,
    attrs.strides,
    attrs.dilations ?? 1,
    attrs.pad,
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
    matrices: info.filterDepth * info.filterHeight * info.filterWidth,
  };
}

function gradientOfFilter(
  kernels: WasmKernels,
  shape: ConvShape,
  x: tf.TensorInfo,
  dy: tf.TensorInfo,
  filterShape: number[],
): tf.TensorInfo {
  const dw = kernels.output(filterShape);
  if (filterHasDeadMatrices(shape)) kernels.clear(dw);
  filterGradient(kernels, shape, kernels.address(x), kernels.address(dy), kernels.address(dw));
  return dw;
}

function gradientOfInput(
  kernels: WasmKernels,
  shape: ConvShape,
  dy: tf.TensorInfo,
  filter: tf.TensorInfo,
  inputShape: number[],
): tf.TensorInfo {
  const dx = kernels.output(inputShape);
  inputGradient(kernels, shape, kernels.address(dy), kernels.address(filter), kernels.address(dx));
  return dx;
}

export const conv2DBackpropFilterConfig = kernelConfig<
  { x: tf.TensorInfo; dy: tf.TensorInfo },
  Conv2DAttrs & { filterShape: Shape4 }
>({ name: tf.Conv2DBackpropFilter }, "wasm", ({ x, dy }, attrs, backend) => {
  const shape = shapeOf(x.shape as Shape4, attrs.filterShape, 1, attrs);
  return gradientOfFilter(kernelsOf(backend), shape, x, dy, attrs.filterShape);
});

export const conv2DBackpropInputConfig = kernelConfig<
  { dy: tf.TensorInfo; filter: tf.TensorInfo },
  Conv2DAttrs & { inputShape: Shape4 }
>({ name: tf.Conv2DBackpropInput }, "wasm", ({ dy, filter }, attrs, backend) => {
  const shape = shapeOf(attrs.inputShape, filter.shape as Shape4, 1, attrs);
  return gradientOfInput(kernelsOf(backend), shape, dy, filter, attrs.inputShape);
});

export const conv3DConfig = kernelConfig<{ x: tf.TensorInfo; filter: tf.TensorInfo }, Conv3DAttrs>(
  { name: tf.Conv3D },
  "wasm",
  ({ x, filter }, attrs, backend) => {
    const kernels = kernelsOf(backend);
    const shape = shapeOf3D(x.shape as Shape5, filter.shape as Shape5, attrs);
    const y = kernels.output([shape.images, ...shape.outSize, shape.outChannels]);
    forward(kernels, shape, kernels.address(x), kernels.address(filter), kernels.address(y));
    return y;
  },
);

export const conv3DBackpropFilterConfig = kernelConfig<
  { x: tf.TensorInfo; dy: tf.TensorInfo },
  Conv3DAttrs & { filterShape: Shape5 }
>({ name: tf.Conv3DBackpropFilterV2 }, "wasm", ({ x, dy }, attrs, backend) => {
  const shape = shapeOf3D(x.shape as Shape5, attrs.filterShape, attrs);
  return gradientOfFilter(kernelsOf(backend), shape, x, dy, attrs.filterShape);
});

export const conv3DBackpropInputConfig = kernelConfig<
  { dy: tf.TensorInfo; filter: tf.TensorInfo },
  Conv3DAttrs & { inputShape: Shape5 }
>({ name: tf.Conv3DBackpropInputV2 }, "wasm", ({ dy, filter }, attrs, backend) => {
  const shape = shapeOf3D(attrs.inputShape, filter.shape as Shape5, attrs);
  return gradientOfInput(kernelsOf(backend), shape, dy, filter, attrs.inputShape);
});
