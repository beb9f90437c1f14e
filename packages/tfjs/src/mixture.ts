// The Gaussian mixture as differentiable tensor code; formulas in `@gmr-conv/core`.

import { GAUSSIAN_NORM, sigmaBounds } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { checkTensor, checkVector } from "./checks.ts";
import { differentiated } from "./differentiate.ts";
import { checkMixture } from "./kernels/checks.ts";
import type { KernelDeclaration, NoAttrs } from "./kernels/declaration.ts";
import { runKernel, runOrCompose } from "./kernels/run.ts";

/** Mixed weights W'_l = Σ_r G[r, l] w_r of weights [R, ...] and logSigmas [R]. */
export const RingMix: KernelDeclaration<{ weights: tf.TensorInfo; logSigmas: tf.TensorInfo }, NoAttrs> = {
  name: "RingMix",
  check: ({ weights, logSigmas }) => checkMixture(logSigmas, { weights }),
  gradient: {
    inputs: ["weights", "logSigmas"],
    compute: ([dy], [weights, logSigmas]) => ({
      weights: () => runKernel(RingMixBackpropWeights, { dy, logSigmas }, {}),
      logSigmas: () => runKernel(RingMixBackpropSigmas, { dy, weights, logSigmas }, {}),
    }),
  },
};

/** dw_r = Σ_l G[r, l] dW'_l from dy = dW' [R, ...]. */
export const RingMixBackpropWeights: KernelDeclaration<
  { dy: tf.TensorInfo; logSigmas: tf.TensorInfo },
  NoAttrs
> = {
  name: "RingMixBackpropWeights",
  check: ({ dy, logSigmas }) => checkMixture(logSigmas, { dy }),
  gradient: {
    inputs: ["dy", "logSigmas"],
    compute: ([ddw], [dy, logSigmas]) => ({
      dy: () => runKernel(RingMix, { weights: ddw, logSigmas }, {}),
      logSigmas: () => runKernel(RingMixBackpropSigmas, { dy, weights: ddw, logSigmas }, {}),
    }),
  },
};

/** dlogσ_r = Σ_l G[r, l] (((l - r)/σ_r)² - 1) ⟨dW'_l, w_r⟩, 0 where σ_r is clipped. */
export const RingMixBackpropSigmas: KernelDeclaration<
  { dy: tf.TensorInfo; weights: tf.TensorInfo; logSigmas: tf.TensorInfo },
  NoAttrs
> = {
  name: "RingMixBackpropSigmas",
  check: ({ dy, weights, logSigmas }) => checkMixture(logSigmas, { dy, weights }),
  gradient: {
    inputs: ["dy", "weights", "logSigmas"],
    compute: ([dds], saved) => differentiated(sigmaGradient, ["dy", "weights", "logSigmas"], saved, dds),
  },
};

/**
 * Mixed weights W'_l = Σ_r G[r, l] w_r, [L, Cin, Cout], of ring weights [R, Cin, Cout] and log-sigmas [R].
 * @throws GmrError `invalid-shape` if the numbers of rings differ, `invalid-argument` for dtypes other than float32
 */
export function mixRingWeights(weights: tf.Tensor3D, logSigmas: tf.Tensor1D): tf.Tensor3D {
  checkTensor("weights", weights, [3], "[R, Cin, Cout]");
  checkVector("logSigmas", logSigmas, weights.shape[0], "one per ring");
  return runOrCompose(RingMix, { weights, logSigmas }, {}, () => {
    const [rings, cin, cout] = weights.shape;
    return tf
      .matMul(mixtureMatrix(logSigmas), weights.reshape<tf.Tensor2D>([rings, cin * cout]))
      .reshape([rings, cin, cout]);
  }) as tf.Tensor3D;
}

/** Gᵀ [L, R] of log-sigmas [R], Gᵀ[l, r] = exp(-½((l - r)/σ_r)²) / (σ_r · 2.5066): the mixture, transposed. */
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

/** dlogσ of the mixture, as the kernel RingMixBackpropSigmas computes it. */
function sigmaGradient(dy: tf.Tensor, weights: tf.Tensor, logSigmas: tf.Tensor): tf.Tensor {
  const rings = logSigmas.shape[0] as number;
  const [min, max] = sigmaBounds(rings);
  const sigmas = logSigmas.exp();
  const inside = tf.logicalAnd(sigmas.greaterEqual(min), sigmas.lessEqual(max)).cast("float32");
  const squares = tf.tensor2d(
    Float32Array.from({ length: rings * rings }, (_, i) => (Math.floor(i / rings) - (i % rings)) ** 2),
    [rings, rings],
  );
  const slopes = mixtureMatrix(logSigmas as tf.Tensor1D).mul(squares.div(sigmas.square()).sub(1));
  const products = tf.matMul(dy.reshape([rings, -1]), weights.reshape([rings, -1]), false, true);
  return slopes.mul(products).sum(0).mul(inside);
}
