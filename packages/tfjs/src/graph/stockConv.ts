// A folded GMR convolution as stock layers. Stock convolutions have "same" and "valid" padding with zeros, few
// dilations and no groups; the rest becomes layers around them or zeros in the kernel.

import { ANY_SIZE, GmrError, geometryAt } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import type { FoldedConv } from "../layers/foldedConv.ts";
import { blockDiagonal, extendKernel, spreadKernel } from "./kernels.ts";
import { type ChannelAffine, mergedBias } from "./merges.ts";
import type { UniqueName } from "./rebuild.ts";
import { type Margins, resample } from "./resample.ts";
import type { SharedLayers } from "./sharedLayers.ts";

/** How a stock layer performs a convolution. */
interface StockPlan {
  /** Padding of the input. */
  readonly pad: Margins;
  readonly native: "same" | "valid";
  /** Zeros at the end of the kernel's axes. */
  readonly extended: readonly number[];
  /** Padding of the output, zero or less. */
  readonly crop: Margins;
  /** Dilations done by the stock layer; the others are written into the kernel. */
  readonly dilations: readonly number[];
  readonly depthwise: boolean;
}

/**
 * Emits a convolution, and the batch normalisation to merge after it, if any.
 * @param source the GMR layer that `conv` was made from
 * @throws GmrError `unsupported` for padding that depends on unknown sizes
 */
export function stockConv(
  source: tf.layers.Layer,
  conv: FoldedConv,
  input: tf.SymbolicTensor,
  affine: ChannelAffine | undefined,
  name: UniqueName,
  layers: SharedLayers,
): tf.SymbolicTensor {
  const plan = conv.transposed
    ? planTransposed(conv, input, source.name)
    : planConv(conv, input, source.name);
  const kernel = stockKernel(conv, plan, affine);
  const kernelSize = kernel.shape.slice(0, conv.rank);
  const bias = affine ? mergedBias(conv.bias, affine) : conv.bias;
  const create = () =>
    stockLayer(conv, plan, kernel, {
      name: name(),
      trainable: source.trainable,
      kernelSize: kernelSize as StockArgs["kernelSize"],
      strides: [...conv.strides] as NonNullable<StockArgs["strides"]>,
      padding: plan.native,
      dilationRate: [...plan.dilations] as NonNullable<StockArgs["dilationRate"]>,
      useBias: bias !== undefined,
      activation: (affine?.slope === 0 ? "relu" : conv.activation) as NonNullable<StockArgs["activation"]>,
    });
  const output = layers.call(
    source,
    `${plan.native} ${kernelSize}`,
    resample(input, plan.pad, conv.padMode, source.name, name),
    create,
    () => (bias ? [kernel, bias] : [kernel]),
  );
  return resample(output, plan.crop, "zeros", source.name, name);
}

type StockArgs = Omit<Parameters<typeof tf.layers.conv2d>[0], "filters">;

function stockLayer(conv: FoldedConv, plan: StockPlan, kernel: tf.Tensor, args: StockArgs): tf.layers.Layer {
  const [a, b] = kernel.shape.slice(-2);
  if (plan.depthwise) {
    const kernelSize = args.kernelSize as [number, number];
    return tf.layers.depthwiseConv2d({ ...args, kernelSize, depthMultiplier: b });
  }
  const { dilationRate: _, ...transposedArgs } = args;
  if (conv.transposed) {
    return conv.rank === 2
      ? tf.layers.conv2dTranspose({ ...transposedArgs, filters: a })
      : tf.layers.conv3dTranspose({ ...transposedArgs, filters: a });
  }
  const create = { 1: tf.layers.conv1d, 2: tf.layers.conv2d, 3: tf.layers.conv3d }[conv.rank];
  return create({ ...args, filters: b });
}

function stockKernel(conv: FoldedConv, plan: StockPlan, affine: ChannelAffine | undefined): tf.Tensor {
  const spread = spreadKernel(
    conv.kernel,
    conv.dilations.map((dilation, axis) => dilation / plan.dilations[axis]),
  );
  const extended = extendKernel(spread, plan.extended);
  if (plan.depthwise) {
    const scaled = affine ? extended.mul(affine.scale) : extended;
    const [height, width, , channels] = scaled.shape;
    return scaled.reshape([height, width, conv.groups, channels / conv.groups]);
  }
  const kernel = blockDiagonal(extended, conv.groups);
  if (!affine) return kernel;
  return kernel.mul(conv.transposed ? affine.scale.reshape([-1, 1]) : affine.scale);
}

function planConv(conv: FoldedConv, input: tf.SymbolicTensor, owner: string): StockPlan {
  const { rank, strides, padMode, pad, groups } = conv;
  const depthwise = rank === 2 && groups > 1 && conv.kernel.shape[2] === 1;
  const extent = extentOf(conv);
  const zeros = extent.map((): [number, number] => [0, 0]);
  const plan: Omit<StockPlan, "pad" | "native"> = {
    extended: extent.map(() => 0),
    crop: zeros,
    dilations:
      rank < 3 && !depthwise && strides.every((stride) => stride === 1)
        ? conv.dilations
        : extent.map(() => 1),
    depthwise,
  };
  const sizes = input.shape.slice(1, -1);
  const known = sizes.every((size) => size != null);
  const inputSize = sizes.map((size) => size ?? ANY_SIZE);
  const { padding, outputSize } = geometryAt(conv, inputSize);
  const dense = strides.every((stride) => stride === 1);
  const fixed = known || dense || pad !== "same"; // else the padding depends on unknown sizes
  if (fixed && padding.flat().every((n) => n === 0)) return { ...plan, pad: zeros, native: "valid" };
  // If only zeros beyond the end differ from "same", no kernel position sees them.
  const same = geometryAt({ ...conv, pad: "same", padMode: "zeros" }, inputSize);
  const equal = same.outputSize.every(
    (size, axis) => size === outputSize[axis] && same.padding[axis][0] === padding[axis][0],
  );
  const always = known || dense || pad === "same";
  if (padMode === "zeros" && equal && always && isNativeSame(rank, extent, strides)) {
    return { ...plan, pad: zeros, native: "same" };
  }
  if (!fixed) {
    throw new GmrError(
      "unsupported",
      `layer ${owner} needs inputs of known size for its padding, got [${input.shape.map((n) => n ?? "null")}]`,
    );
  }
  return { ...plan, pad: padding, native: "valid" };
}

/** Stock 3-D convolutions compute a negative padding if a stride exceeds the kernel. */
function isNativeSame(rank: number, extent: readonly number[], strides: readonly number[]): boolean {
  return rank < 3 || extent.every((size, axis) => size >= strides[axis]);
}

function planTransposed(conv: FoldedConv, input: tf.SymbolicTensor, owner: string): StockPlan {
  const { rank, strides } = conv;
  if (rank === 1) {
    throw new GmrError("unsupported", `layer ${owner}: there is no stock transposed convolution in 1-D`);
  }
  const extent = extentOf(conv);
  const none = extent.map((): [number, number] => [0, 0]);
  const inputSize = input.shape.slice(1, -1).map((size) => size ?? ANY_SIZE);
  const { padding } = geometryAt(conv, inputSize);
  const same = geometryAt({ ...conv, pad: "same", outputPadding: 0 }, inputSize).padding;
  const plan = { pad: none, dilations: extent.map(() => 1), depthwise: false };
  const equal = padding.every(([before, after], axis) => before === same[axis][0] && after === same[axis][1]);
  if (equal && isNativeSame(rank, extent, strides)) {
    return { ...plan, native: "same", extended: extent.map(() => 0), crop: none };
  }
  // Positions beyond the end hold only the bias, as if the kernel ended in zeros. If a stride exceeds the kernel, stock
  // layers add such positions themselves.
  const extended = padding.map(([, after]) => Math.max(0, -after));
  const crop = padding.map(([before, after], axis): [number, number] => {
    const added = Math.max(0, strides[axis] - extent[axis] - extended[axis]);
    return [0 - before, 0 - Math.max(0, after) - added];
  });
  return { ...plan, native: "valid", extended, crop };
}

function extentOf({ kernelSize, dilations }: FoldedConv): number[] {
  return kernelSize.map((size, axis) => dilations[axis] * (size - 1) + 1);
}
