import {
  kernelConfig,
  RingConv,
  RingConvBackpropFilter,
  RingConvBackpropInput,
  ringConvShape,
} from "@gmr-conv/tfjs";
import { backendOf } from "../backend.ts";
import { filterGradient, forward, inputGradient } from "../conv/convolve.ts";

export const ringConvConfig = kernelConfig(RingConv, "webgpu", ({ x, weights }, attrs, backend) => {
  const [images] = x.shape;
  const [, inChannels, outChannels] = weights.shape;
  const shape = ringConvShape(attrs, images, inChannels, outChannels);
  return forward(backendOf(backend), shape, x, weights, [images, ...attrs.outputSize, outChannels]);
});

export const ringConvBackpropInputConfig = kernelConfig(
  RingConvBackpropInput,
  "webgpu",
  ({ dy, weights }, attrs, backend) => {
    const [images] = dy.shape;
    const [, inChannels, outChannels] = weights.shape;
    const shape = ringConvShape(attrs, images, inChannels, outChannels);
    return inputGradient(backendOf(backend), shape, dy, weights, [images, ...attrs.inputSize, inChannels]);
  },
);

export const ringConvBackpropFilterConfig = kernelConfig(
  RingConvBackpropFilter,
  "webgpu",
  ({ x, dy }, attrs, backend) => {
    const inChannels = x.shape[x.shape.length - 1];
    const outChannels = dy.shape[dy.shape.length - 1];
    const shape = ringConvShape(attrs, x.shape[0], inChannels, outChannels);
    return filterGradient(backendOf(backend), shape, x, dy, [attrs.numRings, inChannels, outChannels]);
  },
);
