// Batch normalisation in training as one op with a gradient of its own.

import { checkFinite, GmrError } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { checkTensor, checkVector } from "./checks.ts";
import { registerGradients } from "./gradients.ts";
import { BatchNormTraining, hasKernel, runKernelMulti } from "./kernels.ts";

export interface BatchNormResult<T extends tf.Tensor> {
  /** The normalised input, in its shape. */
  y: T;
  /** [C] mean over all axes but the last. */
  mean: tf.Tensor1D;
  /** [C] biased variance over the same axes. */
  variance: tf.Tensor1D;
}

/**
 * Normalises x over all axes but the last with the statistics of the batch itself:
 * `y = (x - mean) / √(variance + ε) · gamma + beta` (Ioffe & Szegedy 2015).
 * With `relu`, negative values of y are set to zero. Differentiable in x, gamma and beta through y; mean and
 * variance count as constants.
 *
 * @param x [..., C]
 * @param gamma [C] scale, @param beta [C] offset
 * @throws GmrError `invalid-shape` if gamma or beta do not have one number per channel, `invalid-argument` for
 *   other dtypes than float32 or an epsilon that is not positive
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
  registerGradients();
  if (x.size === 0) return ofNothing(x, gamma, beta);
  if (hasKernel(BatchNormTraining)) {
    const [y, mean, variance] = runKernelMulti(BatchNormTraining, { x, gamma, beta }, { epsilon, relu });
    return { y: y as T, mean: mean as tf.Tensor1D, variance: variance as tf.Tensor1D };
  }
  return composed(x, gamma, beta, epsilon, relu);
}

function composed<T extends tf.Tensor>(
  x: T,
  gamma: tf.Tensor1D,
  beta: tf.Tensor1D,
  epsilon: number,
  relu: boolean,
): BatchNormResult<T> {
  const [y, mean, variance] = tf.tidy(() => {
    const axes = x.shape.slice(0, -1).map((_, i) => i);
    const moments = tf.moments(x, axes);
    const scale = moments.variance.add(epsilon).rsqrt().mul(gamma);
    const y = x.sub(moments.mean).mul(scale).add(beta);
    return [relu ? y.relu() : y, constant(moments.mean), constant(moments.variance)];
  });
  return { y: y as T, mean: mean as tf.Tensor1D, variance: variance as tf.Tensor1D };
}

/** y of the same shape, gradients of zero, and statistics that are not numbers. */
function ofNothing<T extends tf.Tensor>(x: T, gamma: tf.Tensor1D, beta: tf.Tensor1D): BatchNormResult<T> {
  const [y, mean, variance] = tf.tidy(() => [
    x.mul(gamma).add(beta),
    tf.fill([gamma.size], Number.NaN),
    tf.fill([gamma.size], Number.NaN),
  ]);
  return { y: y as T, mean: mean as tf.Tensor1D, variance: variance as tf.Tensor1D };
}

/** The tensor, without a gradient. */
const constant = tf.customGrad((tensor) => ({
  value: (tensor as tf.Tensor).clone(),
  gradFunc: (dy: tf.Tensor) => tf.zerosLike(dy),
}));
