import { GAUSSIAN_NORM, sigmaBounds } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { checkTensor } from "./checks.ts";

/** The transposed mixture matrix Gᵀ [L, R] of log-sigmas [R]: Gᵀ[l, r] = exp(-½((l - r)/σ_r)²) / (σ_r · 2.5066). */
export function mixtureMatrix(logSigmas: tf.Tensor1D): tf.Tensor2D {
  checkTensor("logSigmas", logSigmas, [1], "[R]");
  return tf.tidy(() => {
    const rings = logSigmas.shape[0];
    const sigmas = logSigmas.exp().clipByValue(...sigmaBounds(rings));
    const halfSquares = tf.tensor2d(
      Float32Array.from(
        { length: rings * rings },
        (_, i) => -0.5 * (Math.floor(i / rings) - (i % rings)) ** 2,
      ),
      [rings, rings],
    );
    return halfSquares.div(sigmas.square()).exp().div(sigmas.mul(GAUSSIAN_NORM)) as tf.Tensor2D;
  });
}
