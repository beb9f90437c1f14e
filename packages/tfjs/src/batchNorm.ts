// Batch normalisation in training, as one op with its own gradient.

import { checkFinite, GmrError } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { checkTensor, checkVector } from "./checks.ts";
import { differentiated, zerosOf } from "./differentiate.ts";
import { checkChannelwise } from "./kernels/checks.ts";
import type { KernelDeclaration } from "./kernels/declaration.ts";
import { runKernel, runKernelMulti, runOrComposeMulti } from "./kernels/run.ts";

export interface BatchNormTrainingAttrs extends tf.NamedAttrMap {
  epsilon: number;
  /** Whether y is rectified: max(y, 0). */
  relu: boolean;
}

/**
 * [y, mean, variance] of x [..., C] with gamma and beta [C]: y = (x - mean) / √(variance + ε) · gamma + beta,
 * with the mean and the biased variance [C] over all axes but the last.
 */
export const BatchNormTraining: KernelDeclaration<
  Record<"x" | "gamma" | "beta", tf.TensorInfo>,
  BatchNormTrainingAttrs
> = {
  name: "BatchNormTraining",
  check: ({ x, ...vectors }) => checkChannelwise(x, {}, vectors),
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
  check: ({ dy, x, ...vectors }) => checkChannelwise(x, { dy }, vectors),
  gradient: {
    inputs: GRAD_INPUTS,
    compute: ([ddx], saved, attrs) => ofGradients(({ dx }) => dx, saved, attrs, ddx, ["dy", "x", "gamma"]),
  },
};

/** [dgamma, dbeta]. Separate from dx, since TensorFlow.js disposes whatever else a gradient function creates. */
export const BatchNormTrainingParamGrad: KernelDeclaration<BatchNormGradInputs, BatchNormTrainingAttrs> = {
  name: "BatchNormTrainingParamGrad",
  check: ({ dy, x, ...vectors }) => checkChannelwise(x, { dy }, vectors),
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
  const channels = x.shape[x.rank - 1];
  checkVector("gamma", gamma, channels, "one per channel");
  checkVector("beta", beta, channels, "one per channel");
  if (checkFinite("epsilon", epsilon) <= 0) {
    throw new GmrError("invalid-argument", `epsilon must be positive, got ${epsilon}`);
  }
  if (x.size === 0) return ofNothing(x, gamma, beta);
  const attrs = { epsilon, relu };
  const [y, mean, variance] = runOrComposeMulti(BatchNormTraining, { x, gamma, beta }, attrs, () => {
    const axes = x.shape.slice(0, -1).map((_, i) => i);
    const moments = tf.moments(x, axes);
    const scale = moments.variance.add(epsilon).rsqrt().mul(gamma);
    const y = x.sub(moments.mean).mul(scale).add(beta);
    return [relu ? y.relu() : y, constant(moments.mean), constant(moments.variance)];
  });
  return { y: y as T, mean: mean as tf.Tensor1D, variance: variance as tf.Tensor1D };
}

/** y of the same shape, zero gradients, and NaN statistics. */
function ofNothing<T extends tf.Tensor>(x: T, gamma: tf.Tensor1D, beta: tf.Tensor1D): BatchNormResult<T> {
  const [y, mean, variance] = tf.tidy(() => [
    x.mul(gamma).add(beta),
    tf.fill([gamma.size], Number.NaN),
    tf.fill([gamma.size], Number.NaN),
  ]);
  return { y: y as T, mean: mean as tf.Tensor1D, variance: variance as tf.Tensor1D };
}

/** The tensor, detached from its gradient. */
const constant = tf.customGrad((tensor) => ({
  value: (tensor as tf.Tensor).clone(),
  gradFunc: (dy: tf.Tensor) => tf.zerosLike(dy),
}));

/** dx, dgamma and dbeta of batch normalisation, with the statistics taken from x. */
function gradientsOf([dy, x, gamma, beta]: tf.Tensor[], { epsilon, relu }: BatchNormTrainingAttrs) {
  const axes = x.shape.slice(0, -1).map((_, i) => i);
  const { mean, variance } = tf.moments(x, axes);
  const inverse = variance.add(epsilon).rsqrt();
  const normalised = x.sub(mean).mul(inverse);
  const open = relu ? dy.mul(normalised.mul(gamma).add(beta).step()) : dy;
  const products = open.mul(normalised);
  const rest = open.sub(open.mean(axes)).sub(normalised.mul(products.mean(axes)));
  return { dx: rest.mul(gamma.mul(inverse)), dGamma: products.sum(axes), dBeta: open.sum(axes) };
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
  const active = Object.entries(all).filter(([name]) => attrs.relu || smooth.includes(name));
  return {
    gamma: zerosOf(gamma),
    beta: zerosOf(beta),
    mean: zerosOf(mean),
    variance: zerosOf(variance),
    ...Object.fromEntries(active),
  };
}
