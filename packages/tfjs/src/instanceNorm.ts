// Instance normalisation: batch normalisation of each image separately.

import * as tf from "@tensorflow/tfjs";
import { batchNormTraining } from "./batchNorm.ts";
import { checkTensor } from "./checks.ts";

/**
 * Normalises each channel of each image with its own statistics (Ulyanov et al. 2016, arXiv 1607.08022):
 * `y = (x - mean) / √(variance + ε) · gamma + beta`, mean and biased variance over the spatial axes.
 * Differentiable in x, gamma and beta.
 *
 * @param x [N, ...spatial, C]
 * @param gamma [C] scale, @param beta [C] offset
 * @throws GmrError as {@link batchNormTraining}
 */
export function instanceNorm<T extends tf.Tensor>(
  x: T,
  gamma: tf.Tensor1D,
  beta: tf.Tensor1D,
  epsilon = 1e-5,
): T {
  checkTensor("x", x, [3, 4, 5], "[N, ...spatial, C]");
  return tf.tidy(() => {
    const normalise = (image: tf.Tensor) => batchNormTraining(image, gamma, beta, epsilon).y;
    if (x.shape[0] <= 1) return normalise(x) as T;
    return tf.concat(tf.split(x as tf.Tensor, x.shape[0], 0).map(normalise), 0) as T;
  });
}
