import {
  kernelConfig,
  PositionConv,
  PositionConvBackpropFilter,
  PositionConvBackpropInput,
  RingConv,
  RingConvBackpropFilter,
  RingConvBackpropInput,
  ringConvShape,
} from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import { backendOf } from "../backend.ts";
import { filterGradient, forward, inputGradient } from "../conv/convolve.ts";

const forwardConfig = (kernel: typeof RingConv): tf.KernelConfig =>
  kernelConfig(kernel, "webgpu", ({ x, weights }, attrs, backend) => {
    const [images] = x.shape;
    const [, inChannels, outChannels] = weights.shape;
    const shape = ringConvShape(attrs, images, inChannels, outChannels);
    return forward(backendOf(backend), shape, x, weights, [images, ...attrs.outputSize, outChannels]);
  });

const inputGradientConfig = (kernel: typeof RingConvBackpropInput): tf.KernelConfig =>
  kernelConfig(kernel, "webgpu", ({ dy, weights }, attrs, backend) => {
    const [images] = dy.shape;
    const [, inChannels, outChannels] = weights.shape;
    const shape = ringConvShape(attrs, images, inChannels, outChannels);
    return inputGradient(backendOf(backend), shape, dy, weights, [images, ...attrs.inputSize, inChannels]);
  });

const filterGradientConfig = (kernel: typeof RingConvBackpropFilter): tf.KernelConfig =>
  kernelConfig(kernel, "webgpu", ({ x, dy }, attrs, backend) => {
    const inChannels = x.shape[x.shape.length - 1];
    const outChannels = dy.shape[dy.shape.length - 1];
    const shape = ringConvShape(attrs, x.shape[0], inChannels, outChannels);
    return filterGradient(backendOf(backend), shape, x, dy, [attrs.numRings, inChannels, outChannels]);
  });

export const ringConvConfigs: readonly tf.KernelConfig[] = [
  forwardConfig(RingConv),
  forwardConfig(PositionConv),
  inputGradientConfig(RingConvBackpropInput),
  inputGradientConfig(PositionConvBackpropInput),
  filterGradientConfig(RingConvBackpropFilter),
  filterGradientConfig(PositionConvBackpropFilter),
];
