import {
  kernelConfig,
  RingConv,
  type RingConvAttrs,
  RingConvBackpropFilter,
  RingConvBackpropInput,
} from "@gmr-conv/tfjs";
import { backendOf } from "../backend.ts";
import { filterGradient, forward, inputGradient } from "../conv/convolve.ts";
import { type ConvShape, size3 } from "../conv/gather.ts";

function shapeOf(attrs: RingConvAttrs, images: number, inChannels: number, outChannels: number): ConvShape {
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
    matrices: attrs.numRings,
    ringIndex: attrs.ringIndex,
  };
}

export const ringConvConfig = kernelConfig(RingConv, "webgpu", ({ x, weights }, attrs, backend) => {
  const [images] = x.shape;
  const [, inChannels, outChannels] = weights.shape;
  const shape = shapeOf(attrs, images, inChannels, outChannels);
  return forward(backendOf(backend), shape, x, weights, [images, ...attrs.outputSize, outChannels]);
});

export const ringConvBackpropInputConfig = kernelConfig(
  RingConvBackpropInput,
  "webgpu",
  ({ dy, weights }, attrs, backend) => {
    const [images] = dy.shape;
    const [, inChannels, outChannels] = weights.shape;
    const shape = shapeOf(attrs, images, inChannels, outChannels);
    return inputGradient(backendOf(backend), shape, dy, weights, [images, ...attrs.inputSize, inChannels]);
  },
);

export const ringConvBackpropFilterConfig = kernelConfig(
  RingConvBackpropFilter,
  "webgpu",
  ({ x, dy }, attrs, backend) => {
    const inChannels = x.shape[x.shape.length - 1];
    const outChannels = dy.shape[dy.shape.length - 1];
    const shape = shapeOf(attrs, x.shape[0], inChannels, outChannels);
    return filterGradient(backendOf(backend), shape, x, dy, [attrs.numRings, inChannels, outChannels]);
  },
);
