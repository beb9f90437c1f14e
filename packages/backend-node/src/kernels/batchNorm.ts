// Batch normalisation in training, by TensorFlow's fused ops.
//
// On the CPU these add up thousands of rows one after the other in float32, which costs digits. So rows are split into
// groups there: x [g · n, C], seen as [n, g · C], has g times as many channels of n rows each, and costs the same. What
// comes of the groups is merged.

import { product } from "@gmr-conv/core";
import {
  type BatchNormGradInputs,
  BatchNormTraining,
  type BatchNormTrainingAttrs,
  BatchNormTrainingGrad,
  BatchNormTrainingParamGrad,
} from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import type { OpAttr } from "../nativeBackend.ts";
import type { Native, NativeOps } from "../nativeOps.ts";
import { nativeKernel } from "../state.ts";
import { groupCount, sumRows } from "../sumRows.ts";

/** How the rows of a tensor [..., C] are grouped. */
interface Grouping {
  rows: number;
  channels: number;
  groups: number;
}

function groupingOf(ops: NativeOps, { shape }: tf.TensorInfo): Grouping {
  const channels = shape[shape.length - 1];
  const rows = product(shape) / channels;
  return { rows, channels, groups: ops.backend.isUsingGpuDevice ? 1 : groupCount(rows) };
}

/** x as the fused ops want it, with `groups` times as many channels: one image, since cuDNN takes few. */
function asImage(ops: NativeOps, x: Native, { rows, channels }: Grouping, groups: number): Native {
  return ops.reshape(x, [1, rows / groups, 1, groups * channels]);
}

/** [C] for each group. */
function forGroups(ops: NativeOps, vector: Native, { channels, groups }: Grouping): Native {
  if (groups === 1) return vector;
  return ops.reshape(ops.broadcast(ops.reshape(vector, [1, channels]), [groups, channels]), [
    groups * channels,
  ]);
}

function attrsOf(ops: NativeOps, epsilon: number, training: boolean): OpAttr[] {
  return [
    ops.type("U"),
    ops.float("epsilon", epsilon),
    ops.string("data_format", "NHWC"),
    ops.bool("is_training", training),
  ];
}

/** (x - mean) / √(variance + ε) · scale + offset; mean and variance are those of x where they are not given. */
function normalise(
  ops: NativeOps,
  image: Native,
  scale: Native,
  offset: Native,
  epsilon: number,
  given?: { mean: Native; variance: Native },
): [y: Native, mean: Native, variance: Native] {
  const none = ops.upload(new Float32Array(0), [0]);
  const inputs = [image, scale, offset, given?.mean ?? none, given?.variance ?? none].map(({ id }) => id);
  const attrs = [...attrsOf(ops, epsilon, !given), ops.float("exponential_avg_factor", 1)];
  const [y, mean, variance] = ops.run("FusedBatchNormV3", attrs, inputs, 6);
  if (given) return [y, given.mean, given.variance];
  // TensorFlow gives the unbiased variance.
  const [, rows] = image.shape;
  if (rows === 1) return [y, mean, ops.fill(mean.shape, 0)];
  return [y, mean, ops.binary("Mul", variance, ops.scalar((rows - 1) / rows))];
}

/** Mean and variance of x from those of its groups, without the normalised x that comes with them. */
function moments(ops: NativeOps, x: Native, grouping: Grouping): { mean: Native; variance: Native } {
  const { channels, groups } = grouping;
  const image = asImage(ops, x, grouping, groups);
  const ones = ops.fill([groups * channels], 1);
  const [unused, ...parts] = normalise(ops, image, ones, ones, 1);
  ops.free(unused);
  const [means, variances] = parts.map((part) => ops.reshape(part, [groups, channels]));
  const share = ops.scalar(1 / groups);
  const mean = ops.binary("Mul", sumRows(ops, means), share);
  const spread = ops.binary("AddV2", variances, ops.binary("SquaredDifference", means, mean));
  return { mean, variance: ops.binary("Mul", sumRows(ops, spread), share) };
}

const sourcesOf = (inputs: BatchNormGradInputs, { epsilon, relu }: BatchNormTrainingAttrs): unknown[] => [
  ...Object.values(inputs).map(({ dataId }) => dataId),
  epsilon,
  relu,
];

/** dx, dgamma and dbeta. */
function gradients(
  ops: NativeOps,
  inputs: BatchNormGradInputs,
  { epsilon, relu }: BatchNormTrainingAttrs,
): [dx: Native, dGamma: Native, dBeta: Native] {
  const grouping = groupingOf(ops, inputs.x);
  const { rows, channels, groups } = grouping;
  const [dy, x, gamma, beta, mean, variance] = (
    ["dy", "x", "gamma", "beta", "mean", "variance"] as const
  ).map((name) => ops.input(inputs[name]));
  let open = asImage(ops, dy, grouping, 1);
  if (relu) {
    const [y] = normalise(ops, asImage(ops, x, grouping, 1), gamma, beta, epsilon, { mean, variance });
    open = ops.binary("ReluGrad", open, y);
    ops.free(y);
  }
  const inverse = ops.unary("Rsqrt", ops.binary("AddV2", variance, ops.scalar(epsilon)));
  // What the forward pass hands to the backward pass differs: on GPUs it is cuDNN's 1 / √(variance + ε).
  const saved = ops.backend.isUsingGpuDevice ? inverse : variance;
  const [means, variances, scales] = [mean, saved, gamma].map((vector) => forGroups(ops, vector, grouping));
  const images = [open, x].map((tensor) => asImage(ops, tensor, grouping, groups));
  const operands = [...images, scales, means, variances].map(({ id }) => id);
  const [dx, ...more] = ops.run("FusedBatchNormGradV2", attrsOf(ops, epsilon, true), operands, 5);
  const sums = more.slice(0, 2);
  if (groups === 1) return [ops.reshape(dx, inputs.x.shape), sums[0], sums[1]];
  const [dGammas, dBetas] = sums.map((sum) => ops.reshape(sum, [groups, channels]));
  const [dGamma, dBeta] = [sumRows(ops, dGammas), sumRows(ops, dBetas)];
  // dx was made with the mean gradients of the groups in the place of those of all rows.
  const factor = ops.binary("Mul", gamma, inverse);
  const correction = (parts: Native, whole: Native): Native => {
    const own = ops.binary("Mul", parts, ops.scalar(groups / rows));
    const difference = ops.binary("Sub", own, ops.binary("Mul", whole, ops.scalar(1 / rows)));
    return ops.reshape(ops.binary("Mul", factor, difference), [groups * channels]);
  };
  const [rest] = normalise(ops, images[1], correction(dGammas, dGamma), correction(dBetas, dBeta), epsilon, {
    mean: means,
    variance: variances,
  });
  return [ops.reshape(ops.binary("AddV2", dx, rest), inputs.x.shape), dGamma, dBeta];
}

export const batchNormKernels = [
  nativeKernel(BatchNormTraining, (ops, { x, gamma, beta }, { epsilon, relu }) => {
    const grouping = groupingOf(ops, x);
    const { channels, rows, groups } = grouping;
    if (rows === 0) return [ops.fill(x.shape, 0), ops.fill([channels], 0), ops.fill([channels], 0)];
    const pixels = ops.input(x);
    const given = groups === 1 ? undefined : moments(ops, pixels, grouping);
    const image = asImage(ops, pixels, grouping, 1);
    const [y, mean, variance] = normalise(ops, image, ops.input(gamma), ops.input(beta), epsilon, given);
    return [ops.reshape(relu ? ops.unary("Relu", y) : y, x.shape), mean, variance];
  }),

  nativeKernel(BatchNormTrainingGrad, (ops, inputs, attrs, state) => {
    if (product(inputs.x.shape) === 0) return ops.fill(inputs.x.shape, 0);
    const [dx, ...params] = gradients(ops, inputs, attrs);
    state.paramGradients.keep(
      sourcesOf(inputs, attrs),
      params.map((param) => ops.keep(param)),
    );
    return dx;
  }),

  nativeKernel(BatchNormTrainingParamGrad, (ops, inputs, attrs, state) => {
    const { x, gamma } = inputs;
    if (product(x.shape) === 0) return [ops.fill(gamma.shape, 0), ops.fill(gamma.shape, 0)];
    const known = state.paramGradients.find(sourcesOf(inputs, attrs));
    return known ? known.map((param) => ops.alias(param)) : gradients(ops, inputs, attrs).slice(1);
  }),
];
