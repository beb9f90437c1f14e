// Convolutions, ring and dense. The stock backend lacks Conv2DBackpropFilter, so no dense network trains on it; its
// Conv2DBackpropInput and Conv3D do one multiplication at a time; its gradients of conv3d are wrong (they accumulate
// into uninitialised memory). Its Conv2D packs the weights anew whenever they change, as they do in training.

import {
  type Conv2DKernelAttrs,
  type ConvShape,
  conv2DShape,
  denseConvKernels,
  depthwiseRingKernels,
  groupedRingKernels,
  RingConvBias,
  ringConvKernels,
  ringConvShape,
  volume,
} from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { convolutions, forward } from "../conv/convolve.ts";
import { depthwiseConvolutions } from "../conv/depthwise.ts";
import { isPointwise } from "../conv/pointwise.ts";
import { Activation } from "../layouts.ts";
import { wasm } from "../state.ts";

/**
 * From here on, our forward convolutions took at most 1.05 times as long as the stock ones with packed weights, mostly
 * 0.8 to 0.95, on one Xeon; and less where the weights are new.
 */
const MIN_POINTWISE_PIXELS = 8;
const MIN_POINTWISE_CHANNELS = 16;
const MIN_PIXELS = 96;
const MIN_WORK = 1e7;

/** Whether ours is chosen. It rounds channels up to a multiple of four, unless it is pointwise. */
function isFaster(shape: ConvShape): boolean {
  const { images, inChannels, outChannels, outSize, kernelSize } = shape;
  const pixels = images * volume(outSize);
  if (isPointwise(shape)) return pixels >= MIN_POINTWISE_PIXELS && inChannels >= MIN_POINTWISE_CHANNELS;
  const isWasteful = Math.ceil(inChannels / 4) * 4 > 1.1 * inChannels;
  const work = pixels * volume(kernelSize) * inChannels * outChannels;
  return !isWasteful && pixels >= MIN_PIXELS && work >= MIN_WORK;
}

interface FusedInputs {
  x: tf.TensorInfo;
  filter: tf.TensorInfo;
  bias?: tf.TensorInfo;
}

type FusedAttrs = Conv2DKernelAttrs & {
  dilations: number | [number, number];
  activation: string;
  leakyreluAlpha?: number | null;
};

/** The activations that are fused; the stock kernel has more. */
const ACTIVATIONS: Partial<Record<string, Activation>> = {
  linear: Activation.None,
  relu: Activation.Relu,
  relu6: Activation.Relu6,
  leakyrelu: Activation.LeakyRelu,
};

const fusedConv2D = wasm.override<FusedInputs, FusedAttrs>(tf.FusedConv2D, (inputs, attrs, state, stock) => {
  const { x, filter, bias } = inputs;
  const activation = ACTIVATIONS[attrs.activation];
  const isPlain =
    attrs.dataFormat === "NHWC" && [x, filter, bias ?? x].every(({ dtype }) => dtype === "float32");
  if (!isPlain || activation === undefined) return stock();
  const shape = conv2DShape(x.shape, filter.shape, attrs.dilations, attrs);
  if (!isFaster(shape) || (bias && `${bias.shape}` !== `${shape.outChannels}`)) return stock();
  const yShape = [shape.images, ...shape.outSize.slice(1), shape.outChannels];
  return forward(state, shape, x, filter, yShape, { bias, activation, slope: attrs.leakyreluAlpha ?? 0 });
});

const ringConvBias = wasm.kernel(RingConvBias, ({ x, weights, bias }, attrs, state) => {
  const [images] = x.shape;
  const [, cin, cout] = weights.shape;
  const shape = ringConvShape(attrs, images, cin, cout);
  const epilogue = { bias, activation: Activation.None, slope: 0 };
  return forward(state, shape, x, weights, [images, ...attrs.outputSize, cout], epilogue);
});

export const convolutionKernels = [
  ...ringConvKernels(wasm, convolutions),
  ...depthwiseRingKernels(wasm, depthwiseConvolutions),
  ...groupedRingKernels(wasm, convolutions),
  ...denseConvKernels(wasm, convolutions, {
    conv2d: (_state, shape) => isFaster(shape),
  }),
  fusedConv2D,
  ringConvBias,
];
