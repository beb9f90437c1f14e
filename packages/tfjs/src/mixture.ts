// The Gaussian mixture as differentiable tensor code; see `@gmr-conv/core` for the formulas.

import { GAUSSIAN_NORM, sigmaBounds } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { checkTensor, checkVector } from "./checks.ts";
import { hasKernel, RingMix, registerGradients, runKernel } from "./kernels.ts";

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

/**
 * Mixed weights W'_l = Σ_r G[r, l] w_r, [L, Cin, Cout], of ring weights [R, Cin, Cout] and log-sigmas [R].
 * @throws GmrError `invalid-shape` if these do not have as many rings, `invalid-argument` for other dtypes than float32
 */
export function mixRingWeights(weights: tf.Tensor3D, logSigmas: tf.Tensor1D): tf.Tensor3D {
  checkTensor("weights", weights, [3], "[R, Cin, Cout]");
  checkVector("logSigmas", logSigmas, weights.shape[0], "one per ring");
  if (hasKernel(RingMix)) {
    registerGradients();
    return runKernel(RingMix, { weights, logSigmas }, {}) as tf.Tensor3D;
  }
  return tf.tidy(() => {
    const [rings, cin, cout] = weights.shape;
    return tf
      .matMul(mixtureMatrix(logSigmas), weights.reshape<tf.Tensor2D>([rings, cin * cout]))
      .reshape<tf.Tensor3D>([rings, cin, cout]);
  });
}
