// Instance normalisation: batch normalisation of each image separately.

import type * as tf from "@tensorflow/tfjs";
import { normalise } from "./batchNorm.ts";
import { checkTensor } from "./checks.ts";

/**
 * Normalises each channel of each image with its own statistics (Ulyanov et al. 2016, arXiv 1607.08022):
 * `y = (x - mean) / √(variance + ε) · gamma + beta`, mean and biased variance over the spatial axes.
 * Negative values of y are multiplied by `slope`: 0 is a rectifier, 1 none. Differentiable in x, gamma and beta.
 *
 * @param x [N, ...spatial, C]
 * @param gamma [C] scale, @param beta [C] offset
 * @param slope in [0, 1]
 * @throws GmrError as {@link batchNormTraining}, and `invalid-argument` for a slope outside [0, 1]
 */
export function instanceNorm<T extends tf.Tensor>(
  x: T,
  gamma: tf.Tensor1D,
  beta: tf.Tensor1D,
  epsilon = 1e-5,
  slope = 1,
): T {
  checkTensor("x", x, [3, 4, 5], "[N, ...spatial, C]");
  const { y, mean, variance } = normalise(x, gamma, beta, { epsilon, slope, perImage: true });
  mean.dispose();
  variance.dispose();
  return y;
}
