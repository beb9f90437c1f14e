// The Gaussian mixture as differentiable tensor code; see `@gmr-conv/core` for the formulas.

import * as tf from "@tensorflow/tfjs";
import { checkTensor, checkVector } from "./checks.ts";
import { registerGradients } from "./gradients.ts";
import { hasKernel, RingMix, runKernel } from "./kernels.ts";
import { mixtureMatrix } from "./mixtureMatrix.ts";

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
