// The gradients of the stock dense conv2d. The stock backend has no Conv2DBackpropFilter, so that no dense
// network trains on it, and its Conv2DBackpropInput does one multiplication at a time. A dense convolution is a
// ring convolution in which every kernel position is a ring of its own.

import { GmrError } from "@gmr-conv/core";
import { kernelConfig } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { type ConvShape, filterGradient, filterHasDeadMatrices, inputGradient } from "../gather.ts";
import { kernelsOf } from "../module.ts";

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

export const conv2DBackpropFilterConfig = kernelConfig<
  { x: tf.TensorInfo; dy: tf.TensorInfo },
  Conv2DAttrs & { filterShape: Shape4 }
>({ name: tf.Conv2DBackpropFilter }, "wasm", ({ x, dy }, attrs, backend) => {
  const kernels = kernelsOf(backend);
  const shape = shapeOf(x.shape as Shape4, attrs.filterShape, 1, attrs);
  const dw = kernels.output(attrs.filterShape);
  if (filterHasDeadMatrices(shape)) kernels.clear(dw);
  filterGradient(kernels, shape, kernels.address(x), kernels.address(dy), kernels.address(dw));
  return dw;
});

export const conv2DBackpropInputConfig = kernelConfig<
  { dy: tf.TensorInfo; filter: tf.TensorInfo },
  Conv2DAttrs & { inputShape: Shape4 }
>({ name: tf.Conv2DBackpropInput }, "wasm", ({ dy, filter }, attrs, backend) => {
  const kernels = kernelsOf(backend);
  const shape = shapeOf(attrs.inputShape, filter.shape as Shape4, 1, attrs);
  const dx = kernels.output(attrs.inputShape);
  inputGradient(kernels, shape, kernels.address(dy), kernels.address(filter), kernels.address(dx));
  return dx;
});
