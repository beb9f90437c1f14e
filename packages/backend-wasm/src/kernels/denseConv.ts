// The gradients of the stock dense conv2d, and conv3d with its gradients. The stock backend has no
// Conv2DBackpropFilter, so that no dense network trains on it; its Conv2DBackpropInput and Conv3D do one
// multiplication at a time; its gradients of conv3d are wrong (they add to memory that they do not clear). A dense
// convolution is a ring convolution in which every kernel position is a ring of its own.

import { GmrError } from "@gmr-conv/core";
import {
  type Conv2DKernelAttrs,
  type Conv3DKernelAttrs,
  type ConvShape,
  conv2DShape,
  conv3DShape,
  kernelConfig,
} from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { filterGradient, filterHasDeadMatrices, forward, inputGradient } from "../gather.ts";
import { kernelsOf, type WasmKernels } from "../module.ts";

/** The shape of a `conv2d`. @throws GmrError `unsupported` for channels first */
function shapeOf(inShape: number[], filterShape: number[], attrs: Conv2DKernelAttrs): ConvShape {
  if (attrs.dataFormat !== "NHWC") {
    throw new GmrError("unsupported", `the wasm backend needs data format NHWC, got ${attrs.dataFormat}`);
  }
  return conv2DShape(inShape, filterShape, 1, attrs);
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
  Conv2DKernelAttrs & { filterShape: number[] }
>({ name: tf.Conv2DBackpropFilter }, "wasm", ({ x, dy }, attrs, backend) => {
  const shape = shapeOf(x.shape, attrs.filterShape, attrs);
  return gradientOfFilter(kernelsOf(backend), shape, x, dy, attrs.filterShape);
});

export const conv2DBackpropInputConfig = kernelConfig<
  { dy: tf.TensorInfo; filter: tf.TensorInfo },
  Conv2DKernelAttrs & { inputShape: number[] }
>({ name: tf.Conv2DBackpropInput }, "wasm", ({ dy, filter }, attrs, backend) => {
  const shape = shapeOf(attrs.inputShape, filter.shape, attrs);
  return gradientOfInput(kernelsOf(backend), shape, dy, filter, attrs.inputShape);
});

export const conv3DConfig = kernelConfig<{ x: tf.TensorInfo; filter: tf.TensorInfo }, Conv3DKernelAttrs>(
  { name: tf.Conv3D },
  "wasm",
  ({ x, filter }, attrs, backend) => {
    const kernels = kernelsOf(backend);
    const shape = conv3DShape(x.shape, filter.shape, attrs);
    const y = kernels.output([shape.images, ...shape.outSize, shape.outChannels]);
    forward(kernels, shape, kernels.address(x), kernels.address(filter), kernels.address(y));
    return y;
  },
);

export const conv3DBackpropFilterConfig = kernelConfig<
  { x: tf.TensorInfo; dy: tf.TensorInfo },
  Conv3DKernelAttrs & { filterShape: number[] }
>({ name: tf.Conv3DBackpropFilterV2 }, "wasm", ({ x, dy }, attrs, backend) => {
  const shape = conv3DShape(x.shape, attrs.filterShape, attrs);
  return gradientOfFilter(kernelsOf(backend), shape, x, dy, attrs.filterShape);
});

export const conv3DBackpropInputConfig = kernelConfig<
  { dy: tf.TensorInfo; filter: tf.TensorInfo },
  Conv3DKernelAttrs & { inputShape: number[] }
>({ name: tf.Conv3DBackpropInputV2 }, "wasm", ({ dy, filter }, attrs, backend) => {
  const shape = conv3DShape(attrs.inputShape, filter.shape, attrs);
  return gradientOfInput(kernelsOf(backend), shape, dy, filter, attrs.inputShape);
});
