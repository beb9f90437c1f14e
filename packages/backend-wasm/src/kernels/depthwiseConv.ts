// The gradients of depthwise convolutions. The stock backend lacks them, so neither these nor separable ones train on
// it.

import { product } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { wasm } from "../state.ts";
import { placeWindows } from "../windows.ts";

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

/** Inputs of both kernels. */
function windowsOf(info: tf.backend_util.Conv2DInfo) {
  return {
    channels: info.inChannels,
    multiplier: info.outChannels / info.inChannels,
    inSize: [1, info.inHeight, info.inWidth],
    outSize: [1, info.outHeight, info.outWidth],
    filter: [1, info.filterHeight, info.filterWidth],
    strides: [1, info.strideHeight, info.strideWidth],
    dilations: [1, info.dilationHeight, info.dilationWidth],
    padBefore: [0, info.padInfo.top, info.padInfo.left],
  } as const;
}

/** Output channels per unit of work, see assembly/depthwise.ts. */
const BLOCK = 16;

const work = ({ outShape, filterHeight, filterWidth }: tf.backend_util.Conv2DInfo): number =>
  product(outShape) * filterHeight * filterWidth;

export const depthwiseKernels = [
  wasm.kernel<Record<"x" | "dy", tf.TensorInfo>, DepthwiseAttrs & { filterShape: number[] }>(
    { name: tf.DepthwiseConv2dNativeBackpropFilter },
    ({ x, dy }, attrs, state) => {
      const info = infoOf(x.shape, attrs.filterShape, attrs);
      const dFilter = state.output(attrs.filterShape);
      const tensors = state.addresses(x, dy, dFilter);
      const plan = placeWindows(state, windowsOf(info));
      const units = info.filterHeight * info.filterWidth * Math.ceil(info.outChannels / BLOCK);
      state.split("depthwiseFilterGradient", units, state.threadsFor(work(info)), (begin, end) => [
        plan,
        ...tensors,
        info.batchSize,
        begin,
        end,
      ]);
      return dFilter;
    },
  ),

  wasm.kernel<Record<"dy" | "filter", tf.TensorInfo>, DepthwiseAttrs & { inputShape: number[] }>(
    { name: tf.DepthwiseConv2dNativeBackpropInput },
    ({ dy, filter }, attrs, state) => {
      const info = infoOf(attrs.inputShape, filter.shape, attrs);
      const dx = state.output(attrs.inputShape);
      const tensors = state.addresses(dy, filter, dx);
      const plan = placeWindows(state, windowsOf(info));
      const rows = info.batchSize * info.inHeight;
      state.split("depthwiseInputGradient", rows, state.threadsFor(work(info)), (begin, end) => [
        plan,
        ...tensors,
        begin,
        end,
      ]);
      return dx;
    },
  ),
];
