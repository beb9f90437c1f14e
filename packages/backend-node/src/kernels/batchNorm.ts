// Normalisation by statistics of x itself, by TensorFlow's fused ops; images with statistics of their own are
// normalised one by one.
//
// On the CPU these add up thousands of rows one by one in float32, which costs digits. There, rows are split into
// groups: x [g · n, C], seen as [n, g · C], has g times as many channels of n rows each, and costs the same. The
// results of the groups are merged.

import { product } from "@gmr-conv/core";
import {
  type BatchNormGradInputs,
  BatchNormTraining,
  type BatchNormTrainingAttrs,
  BatchNormTrainingGrad,
  BatchNormTrainingParamGrad,
} from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import { bitsOf, Kind } from "../native/plan.ts";
import type { OpAttr } from "../nativeBackend.ts";
import type { Native, NativeOps } from "../nativeOps.ts";
import { type NativeState, nativeKernel } from "../state.ts";
import { groupCount, sumRows } from "../sumRows.ts";

/** How the rows of a tensor [..., C] are grouped. */
interface Grouping {
  rows: number;
  channels: number;
  groups: number;
}

function groupingOf(ops: NativeOps, { shape }: Native): Grouping {
  const channels = shape[shape.length - 1];
  const rows = product(shape) / channels;
  return { rows, channels, groups: ops.backend.isUsingGpuDevice ? 1 : groupCount(rows) };
}

/** x in the shape of the fused ops, with `groups` times as many channels: one image, since cuDNN accepts few. */
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

/** (x - mean) / √(variance + ε) · scale + offset of [N, H, W, C]; mean and variance are computed from x unless given. */
export function normalise(
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
  // TensorFlow returns the unbiased variance.
  const [, rows] = image.shape;
  if (rows === 1) return [y, mean, ops.fill(mean.shape, 0)];
  return [y, mean, ops.binary("Mul", variance, ops.scalar((rows - 1) / rows))];
}

/** Mean and variance of x from those of its groups, dropping the normalised x that comes with them. */
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

/** y, mean and variance of the rows of x. */
function normaliseRows(
  ops: NativeOps,
  x: Native,
  [gamma, beta]: readonly Native[],
  { epsilon, slope }: BatchNormTrainingAttrs,
): Native[] {
  const grouping = groupingOf(ops, x);
  const given = grouping.groups === 1 ? undefined : moments(ops, x, grouping);
  const [v, ...statistics] = normalise(ops, asImage(ops, x, grouping, 1), gamma, beta, epsilon, given);
  const y = ops.reshape(rectified(ops, v, slope), x.shape);
  if (slope < 1) ops.free(v);
  return [y, ...statistics];
}

/** Negative numbers times `slope`. */
export function rectified(ops: NativeOps, v: Native, slope: number): Native {
  if (slope === 1) return v;
  return slope === 0 ? ops.unary("Relu", v) : ops.run("LeakyRelu", [ops.float("alpha", slope)], [v.id])[0];
}

const sourcesOf = (
  inputs: BatchNormGradInputs,
  { epsilon, slope, perImage }: BatchNormTrainingAttrs,
): unknown[] => [...Object.values(inputs).map(({ dataId }) => dataId), epsilon, slope, perImage];

const GRADIENT_INPUTS = ["dy", "x", "mean", "variance", "gamma", "beta"] as const;

/** dx, dgamma and dbeta. */
function gradients(
  ops: NativeOps,
  inputs: BatchNormGradInputs,
  attrs: BatchNormTrainingAttrs,
  { hasKernels }: NativeState,
): readonly Native[] {
  if (hasKernels) {
    const { x, gamma } = inputs;
    const shapes = [x.shape, gamma.shape, gamma.shape];
    const given = GRADIENT_INPUTS.map((name) => inputs[name]);
    return byKernel(ops, Kind.NormGradients, given, x.shape, shapes, attrs);
  }
  const tensors = GRADIENT_INPUTS.map((name) => ops.input(inputs[name]));
  const [dxs, dGammas, dBetas] = eachImage(ops, tensors.slice(0, 4), attrs, (images) =>
    gradientsOfRows(ops, [...images, ...tensors.slice(4)], attrs),
  );
  return [joined(ops, dxs, inputs.x.shape), ops.sum(dGammas), ops.sum(dBetas)];
}

/**
 * Runs `work` on each image of tensors that have one of each, or on the tensors themselves.
 * @returns lists of the first, second, … results
 */
function eachImage(
  ops: NativeOps,
  tensors: readonly Native[],
  { perImage }: BatchNormTrainingAttrs,
  work: (tensors: readonly Native[]) => readonly Native[],
): Native[][] {
  const images = perImage ? tensors[0].shape[0] : 1;
  const results = Array.from({ length: images }, (_, n) => {
    if (!perImage) return work(tensors);
    const parts = tensors.map((tensor) => {
      const [, ...size] = tensor.shape;
      const part = ops.slice(tensor, [n, ...size.map(() => 0)], [1, ...size]);
      return { sliced: part, image: ops.reshape(part, size) };
    });
    const result = work(parts.map(({ image }) => image));
    for (const { sliced, image } of parts) for (const part of [sliced, image]) ops.free(part);
    return result;
  });
  return results[0].map((_, i) => results.map((result) => result[i]));
}

/** One tensor from those of the images. */
function joined(ops: NativeOps, parts: readonly Native[], shape: readonly number[]): Native {
  const whole = ops.reshape(ops.concat(parts, 0), shape);
  if (parts.length > 1) for (const part of parts) ops.free(part);
  return whole;
}

function gradientsOfRows(
  ops: NativeOps,
  [dy, x, mean, variance, gamma, beta]: readonly Native[],
  { epsilon, slope }: BatchNormTrainingAttrs,
): [dx: Native, dGamma: Native, dBeta: Native] {
  const grouping = groupingOf(ops, x);
  const { rows, channels, groups } = grouping;
  let open = asImage(ops, dy, grouping, 1);
  if (slope < 1) {
    const [y] = normalise(ops, asImage(ops, x, grouping, 1), gamma, beta, epsilon, { mean, variance });
    open =
      slope === 0
        ? ops.binary("ReluGrad", open, y)
        : ops.run("LeakyReluGrad", [ops.float("alpha", slope)], [open.id, y.id])[0];
    ops.free(y);
  }
  const inverse = ops.unary("Rsqrt", ops.binary("AddV2", variance, ops.scalar(epsilon)));
  // What the forward pass saves for the backward pass differs: on GPUs it is cuDNN's 1 / √(variance + ε).
  const saved = ops.backend.isUsingGpuDevice ? inverse : variance;
  const [means, variances, scales] = [mean, saved, gamma].map((vector) => forGroups(ops, vector, grouping));
  const images = [open, x].map((tensor) => asImage(ops, tensor, grouping, groups));
  const operands = [...images, scales, means, variances].map(({ id }) => id);
  const [dx, ...more] = ops.run("FusedBatchNormGradV2", attrsOf(ops, epsilon, true), operands, 5);
  const sums = more.slice(0, 2);
  if (groups === 1) return [ops.reshape(dx, x.shape), sums[0], sums[1]];
  const [dGammas, dBetas] = sums.map((sum) => ops.reshape(sum, [groups, channels]));
  const [dGamma, dBeta] = [sumRows(ops, dGammas), sumRows(ops, dBetas)];
  // dx was computed with the mean gradients of the groups instead of those of all rows.
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
  return [ops.reshape(ops.binary("AddV2", dx, rest), x.shape), dGamma, dBeta];
}

/** By a kernel in `native/`. @param shape of x */
export function byKernel(
  ops: NativeOps,
  kind: Kind,
  tensors: readonly tf.TensorInfo[],
  shape: readonly number[],
  resultShapes: readonly (readonly number[])[],
  { epsilon, slope, perImage }: BatchNormTrainingAttrs,
): Native[] {
  const channels = shape[shape.length - 1];
  const sets = perImage ? shape[0] : 1;
  const plan = [sets, product(shape) / sets / channels, channels, bitsOf(epsilon), bitsOf(slope)];
  const inputs = tensors.map((tensor) => ops.input(tensor));
  return ops.kernel(kind, inputs, resultShapes, plan);
}

export const batchNormKernels = [
  nativeKernel(BatchNormTraining, (ops, { x, gamma, beta }, attrs, { hasKernels }) => {
    const statistics = attrs.perImage ? [x.shape[0], ...gamma.shape] : gamma.shape;
    const shapes = [x.shape, statistics, statistics];
    if (product(x.shape) === 0) return shapes.map((shape) => ops.fill(shape, 0));
    if (hasKernels) return byKernel(ops, Kind.Norm, [x, gamma, beta], x.shape, shapes, attrs);
    const vectors = [gamma, beta].map((vector) => ops.input(vector));
    const results = eachImage(ops, [ops.input(x)], attrs, ([pixels]) =>
      normaliseRows(ops, pixels, vectors, attrs),
    );
    return results.map((parts, i) => joined(ops, parts, shapes[i]));
  }),

  nativeKernel(BatchNormTrainingGrad, (ops, inputs, attrs, state) => {
    if (product(inputs.x.shape) === 0) return ops.fill(inputs.x.shape, 0);
    const [dx, ...params] = gradients(ops, inputs, attrs, state);
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
    return known ? known.map((param) => ops.alias(param)) : gradients(ops, inputs, attrs, state).slice(1);
  }),
];
