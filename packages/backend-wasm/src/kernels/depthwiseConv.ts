// The gradients of depthwise convolutions, which the stock backend lacks: neither they nor separable ones train on it.

import { product } from "@gmr-conv/core";
import { kernelConfig } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { kernelsOf } from "../module.ts";

type Shape4 = [number, number, number, number];

interface DepthwiseAttrs extends tf.NamedAttrMap {
  strides: number | [number, number];
  dilations: number | [number, number];
  pad: "valid" | "same" | number | tf.backend_util.ExplicitPadding;
  dimRoundingMode?: "floor" | "round" | "ceil";
}

function infoOf(inShape: number[], filterShape: number[], attrs: DepthwiseAttrs): tf.backend_util.Conv2DInfo {
  const { strides, dilations, pad, dimRoundingMode } = attrs;
  const shapes = [inShape as Shape4, filterShape as Shape4] as const;
  return tf.backend_util.computeConv2DInfo(...shapes, strides, dilations, pad, dimRoundingMode, true);
}

/** What both kernels take between the addresses and the share of the work. */
function geometry(info: tf.backend_util.Conv2DInfo) {
  return {
    source: [info.inHeight, info.inWidth, info.inChannels, info.outChannels / info.inChannels],
    output: [info.outHeight, info.outWidth],
    windows: [
      ...[info.strideHeight, info.strideWidth, info.dilationHeight, info.dilationWidth],
      ...[info.padInfo.top, info.padInfo.left],
    ],
  };
}

/** Output channels of a unit of work, see assembly/depthwise.ts. */
const BLOCK = 16;

const work = ({ outShape, filterHeight, filterWidth }: tf.backend_util.Conv2DInfo): number =>
  product(outShape) * filterHeight * filterWidth;

export const depthwiseFilterGradientConfig = kernelConfig<
  { x: tf.TensorInfo; dy: tf.TensorInfo },
  DepthwiseAttrs & { filterShape: number[] }
>({ name: tf.DepthwiseConv2dNativeBackpropFilter }, "wasm", ({ x, dy }, attrs, backend) => {
  const kernels = kernelsOf(backend);
  const info = infoOf(x.shape, attrs.filterShape, attrs);
  const { source, output, windows } = geometry(info);
  const dFilter = kernels.output(attrs.filterShape);
  const addresses = [x, dy, dFilter].map((tensor) => kernels.address(tensor));
  const units = info.filterHeight * info.filterWidth * Math.ceil(info.outChannels / BLOCK);
  kernels.split("depthwiseFilterGradient", units, kernels.threadsFor(work(info)), (begin, end) => [
    ...addresses,
    info.batchSize,
    ...source,
    ...output,
    info.filterWidth,
    ...windows,
    begin,
    end,
  ]);
  return dFilter;
});

export const depthwiseInputGradientConfig = kernelConfig<
  { dy: tf.TensorInfo; filter: tf.TensorInfo },
  DepthwiseAttrs & { inputShape: number[] }
>({ name: tf.DepthwiseConv2dNativeBackpropInput }, "wasm", ({ dy, filter }, attrs, backend) => {
  const kernels = kernelsOf(backend);
  const info = infoOf(attrs.inputShape, filter.shape, attrs);
  const { source, output, windows } = geometry(info);
  const dx = kernels.output(attrs.inputShape);
  const addresses = [dy, filter, dx].map((tensor) => kernels.address(tensor));
  const rows = info.batchSize * info.inHeight;
  kernels.split("depthwiseInputGradient", rows, kernels.threadsFor(work(info)), (begin, end) => [
    ...addresses,
    ...source,
    ...output,
    ...[info.filterHeight, info.filterWidth],
    ...windows,
    begin,
    end,
  ]);
  return dx;
});
