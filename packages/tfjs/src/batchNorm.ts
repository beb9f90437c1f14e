// Normalisation by statistics of x itself, over the batch or each image, as one op with its own gradient.

import { checkFinite, GmrError } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { checkTensor, checkVector } from "./checks.ts";
import { differentiated, zerosOf } from "./differentiate.ts";
import { checkNorm } from "./kernels/checks.ts";
import type { KernelDeclaration } from "./kernels/declaration.ts";
import { runKernel, runKernelMulti, runOrComposeMulti } from "./kernels/run.ts";

export interface BatchNormTrainingAttrs extends tf.NamedAttrMap {
  epsilon: number;
  /** In [0, 1]: negative values of y are multiplied by it. 0: a rectifier; 1: none. */
  slope: number;
  /** Whether each entry of the first axis has statistics of its own. */
  perImage: boolean;
}

/**
 * [y, mean, variance] of x [..., C] with gamma and beta [C]: v = (x - mean) / √(variance + ε) · gamma + beta, and y = v
 * where v is positive, else slope · v. Mean and biased variance [C] are over all axes but the last; with `perImage`,
 * x is [N, ..., C], and they are [N, C], over all axes but the first and the last.
 */
export const BatchNormTraining: KernelDeclaration<
  Record<"x" | "gamma" | "beta", tf.TensorInfo>,
  BatchNormTrainingAttrs
> = {
  name: "BatchNormTraining",
  check: ({ x, ...vectors }, { perImage }) => checkNorm(x, {}, vectors, perImage),
  gradient: {
    inputs: ["x", "gamma", "beta"],
    outputs: [false, true, true],
    compute: ([dy], [x, gamma, beta, mean, variance], attrs) => {
      const inputs = { dy, x, gamma, beta, mean, variance };
      const param = (i: number) => () => runKernelMulti(BatchNormTrainingParamGrad, inputs, attrs)[i];
      return {
        x: () => runKernel(BatchNormTrainingGrad, inputs, attrs),
        gamma: param(0),
        beta: param(1),
      };
    },
  },
};

/** Inputs of the backward kernels: dy, and the forward pass's inputs and statistics. */
export type BatchNormGradInputs = Record<"dy" | "x" | "gamma" | "beta" | "mean" | "variance", tf.TensorInfo>;

const GRAD_INPUTS = ["dy", "x", "gamma", "beta", "mean", "variance"] as const;

/** dx. */
export const BatchNormTrainingGrad: KernelDeclaration<BatchNormGradInputs, BatchNormTrainingAttrs> = {
  name: "BatchNormTrainingGrad",
  check: ({ dy, x, ...vectors }, { perImage }) => checkNorm(x, { dy }, vectors, perImage),
  gradient: {
    inputs: GRAD_INPUTS,
    compute: ([ddx], saved, attrs) => ofGradients(({ dx }) => dx, saved, attrs, ddx, ["dy", "x", "gamma"]),
  },
};

/** [dgamma, dbeta]. Separate from dx, since TensorFlow.js disposes whatever else a gradient function creates. */
export const BatchNormTrainingParamGrad: KernelDeclaration<BatchNormGradInputs, BatchNormTrainingAttrs> = {
  name: "BatchNormTrainingParamGrad",
  check: ({ dy, x, ...vectors }, { perImage }) => checkNorm(x, { dy }, vectors, perImage),
  gradient: {
    inputs: GRAD_INPUTS,
    compute: ([ddGamma, ddBeta], saved, attrs) =>
      ofGradients(
        ({ dGamma, dBeta }) => dGamma.mul(ddGamma).add(dBeta.mul(ddBeta)).sum(),
        saved,
        attrs,
        tf.scalar(1),
        ["dy", "x"],
      ),
  },
};

export interface BatchNormResult<T extends tf.Tensor> {
  /** The normalised input, in its shape. */
  y: T;
  /** [C] mean over all axes but the last. */
  mean: tf.Tensor1D;
  /** [C] biased variance over the same axes. */
  variance: tf.Tensor1D;
}

/**
 * Normalises x over all axes but the last with the batch's own statistics:
 * `y = (x - mean) / √(variance + ε) · gamma + beta` (Ioffe & Szegedy 2015).
 * With `relu`, negative values of y are set to zero. Differentiable in x, gamma and beta through y; mean and
 * variance count as constants.
 *
 * @param x [..., C]
 * @param gamma [C] scale, @param beta [C] offset
 * @throws GmrError `invalid-shape` if gamma or beta do not have one number per channel, `invalid-argument` for dtypes
 *   other than float32 or an epsilon that is not positive
 */
export function batchNormTraining<T extends tf.Tensor>(
  x: T,
  gamma: tf.Tensor1D,
  beta: tf.Tensor1D,
  epsilon = 1e-5,
  relu = false,
): BatchNormResult<T> {
  checkTensor("x", x, "any", "[..., C]");
  return normalise(x, gamma, beta, { epsilon, slope: relu ? 0 : 1, perImage: false }) as BatchNormResult<T>;
}

/** A number in [0, 1]. @throws GmrError `invalid-argument` */
export function checkSlope(slope: number): number {
  if (checkFinite("slope", slope) >= 0 && slope <= 1) return slope;
  throw new GmrError("invalid-argument", `slope must lie in [0, 1], got ${slope}`);
}

/** As {@link BatchNormTraining}; mean and variance count as constants. @throws GmrError as {@link batchNormTraining} */
export function normalise<T extends tf.Tensor>(
  x: T,
  gamma: tf.Tensor1D,
  beta: tf.Tensor1D,
  attrs: BatchNormTrainingAttrs,
): { y: T; mean: tf.Tensor; variance: tf.Tensor } {
  const channels = x.shape[x.rank - 1];
  checkVector("gamma", gamma, channels, "one per channel");
  checkVector("beta", beta, channels, "one per channel");
  const { epsilon, slope, perImage } = attrs;
  if (checkFinite("epsilon", epsilon) <= 0) {
    throw new GmrError("invalid-argument", `epsilon must be positive, got ${epsilon}`);
  }
  checkSlope(slope);
  const statistics = perImage ? [x.shape[0], channels] : [channels];
  if (x.size === 0) return ofNothing(x, gamma, beta, statistics);
  const [y, mean, variance] = runOrComposeMulti(BatchNormTraining, { x, gamma, beta }, attrs, () => {
    const rows = grouped(x, attrs);
    const moments = tf.moments(rows, 1, true);
    const scale = moments.variance.add(epsilon).rsqrt().mul(gamma);
    const y = rectified(rows.sub(moments.mean).mul(scale).add(beta), slope);
    const found = [moments.mean, moments.variance].map((each) => constant(each.reshape(statistics)));
    return [y.reshape(x.shape), ...found];
  });
  return { y: y as T, mean, variance };
}

/** v where it is positive, else slope · v. */
export function rectified<T extends tf.Tensor>(v: T, slope: number): T {
  if (slope === 1) return v;
  return slope === 0 ? tf.relu(v) : tf.leakyRelu(v, slope);
}

/** The gradient of {@link rectified}: 1 where v is positive, else the slope. */
export function openness(v: tf.Tensor, slope: number): tf.Tensor {
  return v
    .step()
    .mul(1 - slope)
    .add(slope);
}

/** x as [groups with statistics of their own, rows, C]. */
function grouped(x: tf.Tensor, { perImage }: BatchNormTrainingAttrs): tf.Tensor3D {
  const groups = perImage ? x.shape[0] : 1;
  const channels = x.shape[x.rank - 1];
  return x.reshape([groups, x.size / (groups * channels), channels]);
}

/** y of the same shape, zero gradients, and NaN statistics. */
function ofNothing<T extends tf.Tensor>(x: T, gamma: tf.Tensor1D, beta: tf.Tensor1D, statistics: number[]) {
  const [y, mean, variance] = tf.tidy(() => [
    x.mul(gamma).add(beta),
    tf.fill(statistics, Number.NaN),
    tf.fill(statistics, Number.NaN),
  ]);
  return { y: y as T, mean, variance };
}

/** The tensor, detached from its gradient. */
const constant = tf.customGrad((tensor) => ({
  value: (tensor as tf.Tensor).clone(),
  gradFunc: (dy: tf.Tensor) => tf.zerosLike(dy),
}));

/** dx, dgamma and dbeta of batch normalisation, with the statistics taken from x. */
function gradientsOf([dy, x, gamma, beta]: tf.Tensor[], attrs: BatchNormTrainingAttrs) {
  const { epsilon, slope } = attrs;
  const rows = grouped(x, attrs);
  const { mean, variance } = tf.moments(rows, 1, true);
  const inverse = variance.add(epsilon).rsqrt();
  const normalised = rows.sub(mean).mul(inverse);
  const given = dy.reshape(rows.shape);
  const open = slope === 1 ? given : given.mul(openness(normalised.mul(gamma).add(beta), slope));
  const products = open.mul(normalised);
  const rest = open.sub(open.mean(1, true)).sub(normalised.mul(products.mean(1, true)));
  const dx = rest.mul(inverse.mul(gamma)).reshape(x.shape);
  return { dx, dGamma: products.sum([0, 1]), dBeta: open.sum([0, 1]) };
}

/** The gradients of a backward kernel. Mean and variance follow from x, so the gradient of x includes their share. */
function ofGradients(
  compute: (found: ReturnType<typeof gradientsOf>) => tf.Tensor,
  [dy, x, gamma, beta, mean, variance]: readonly tf.Tensor[],
  attrs: BatchNormTrainingAttrs,
  cotangent: tf.Tensor,
  /** The inputs it depends on without the rectifier. */
  smooth: readonly string[],
): Partial<Record<keyof BatchNormGradInputs, () => tf.Tensor>> {
  const all = differentiated(
    (...given) => compute(gradientsOf(given, attrs)),
    ["dy", "x", "gamma", "beta"],
    [dy, x, gamma, beta],
    cotangent,
  );
  const active = Object.entries(all).filter(([name]) => attrs.slope !== 1 || smooth.includes(name));
  return {
    gamma: zerosOf(gamma),
    beta: zerosOf(beta),
    mean: zerosOf(mean),
    variance: zerosOf(variance),
    ...Object.fromEntries(active),
  };
}
