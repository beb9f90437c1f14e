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
import { filterGradient, filterHasDeadMatrices, forward, inputGradient } from "../gather.ts";
import { kernelsOf } from "../module.ts";

const forwardConfig = (kernel: typeof RingConv): tf.KernelConfig =>
  kernelConfig(kernel, "wasm", ({ x, weights }, attrs, backend) => {
    const kernels = kernelsOf(backend);
    const [images] = x.shape as [number];
    const [, inChannels, outChannels] = weights.shape as [number, number, number];
    const y = kernels.output([images, ...attrs.outputSize, outChannels]);
    const shape = ringConvShape(attrs, images, inChannels, outChannels);
    forward(kernels, shape, kernels.address(x), kernels.address(weights), kernels.address(y));
    return y;
  });

const inputGradientConfig = (kernel: typeof RingConvBackpropInput): tf.KernelConfig =>
  kernelConfig(kernel, "wasm", ({ dy, weights }, attrs, backend) => {
    const kernels = kernelsOf(backend);
    const [images] = dy.shape as [number];
    const [, inChannels, outChannels] = weights.shape as [number, number, number];
    const dx = kernels.output([images, ...attrs.inputSize, inChannels]);
    const shape = ringConvShape(attrs, images, inChannels, outChannels);
    inputGradient(kernels, shape, kernels.address(dy), kernels.address(weights), kernels.address(dx));
    return dx;
  });

const filterGradientConfig = (kernel: typeof RingConvBackpropFilter): tf.KernelConfig =>
  kernelConfig(kernel, "wasm", ({ x, dy }, attrs, backend) => {
    const kernels = kernelsOf(backend);
    const [images] = x.shape as [number];
    const inChannels = x.shape[x.shape.length - 1];
    const outChannels = dy.shape[dy.shape.length - 1];
    const dw = kernels.output([attrs.numRings, inChannels, outChannels]);
    const shape = ringConvShape(attrs, images, inChannels, outChannels);
    if (filterHasDeadMatrices(shape)) kernels.clear(dw);
    filterGradient(kernels, shape, kernels.address(x), kernels.address(dy), kernels.address(dw));
    return dw;
  });

export const ringConvConfigs: readonly tf.KernelConfig[] = [
  forwardConfig(RingConv),
  forwardConfig(PositionConv),
  inputGradientConfig(RingConvBackpropInput),
  inputGradientConfig(PositionConvBackpropInput),
  filterGradientConfig(RingConvBackpropFilter),
  filterGradientConfig(PositionConvBackpropFilter),
];
