// The Gaussian mixture of ring weights and its gradients.

import { GAUSSIAN_NORM, product, sigmaBounds } from "@gmr-conv/core";
import { RingMix, RingMixBackpropSigmas, RingMixBackpropWeights } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import { bitsOf, Kind } from "../native/plan.ts";
import type { Native, NativeOps } from "../nativeOps.ts";
import { type Mixture, type NativeState, nativeKernel } from "../state.ts";

function mixture(ops: NativeOps, logSigmas: tf.TensorInfo, { mixtures }: NativeState): Mixture {
  return mixtures.get(logSigmas.dataId, () => {
    const { matrix, exponents } = makeMixture(ops, ops.input(logSigmas));
    return { matrix: ops.keep(matrix), exponents: ops.keep(exponents) };
  });
}

function makeMixture(ops: NativeOps, logSigmas: Native): Mixture {
  const [rings] = logSigmas.shape;
  const sigmas = clippedSigmas(ops, logSigmas);
  const halfSquares = Float32Array.from(
    { length: rings * rings },
    (_, i) => -0.5 * (Math.floor(i / rings) - (i % rings)) ** 2,
  );
  const distances = ops.upload(halfSquares, [rings, rings]);
  const exponents = ops.binary("RealDiv", distances, ops.unary("Square", sigmas));
  const norm = ops.binary("Mul", sigmas, ops.scalar(GAUSSIAN_NORM));
  return { exponents, matrix: ops.binary("RealDiv", ops.unary("Exp", exponents), norm) };
}

function clippedSigmas(ops: NativeOps, logSigmas: Native): Native {
  const [low, high] = sigmaBounds(logSigmas.shape[0]);
  const sigmas = ops.unary("Exp", logSigmas);
  return ops.binary("Minimum", ops.binary("Maximum", sigmas, ops.scalar(low)), ops.scalar(high));
}

/** Weights [R, ...] as [R, n]. */
function asMatrix(ops: NativeOps, weights: Native): Native {
  const [rings, ...rest] = weights.shape;
  return ops.reshape(weights, [rings, product(rest)]);
}

/** By a kernel in `native/`, from `matrices` [R, ...] and the log-sigmas. */
function byKernel(
  ops: NativeOps,
  kind: Kind,
  matrices: readonly tf.TensorInfo[],
  logSigmas: tf.TensorInfo,
  resultShape: readonly number[],
  transposed = false,
): Native[] {
  const [rings, ...rest] = matrices[0].shape;
  const bounds = sigmaBounds(rings);
  const plan = [rings, product(rest), Number(transposed), ...[GAUSSIAN_NORM, ...bounds].map(bitsOf)];
  const inputs = [...matrices, logSigmas].map((tensor) => ops.input(tensor));
  return ops.kernel(kind, inputs, [resultShape], plan);
}

export const mixtureKernels = [
  nativeKernel(RingMix, (ops, { weights, logSigmas }, _attrs, state) => {
    if (state.hasKernels) return byKernel(ops, Kind.Mix, [weights], logSigmas, weights.shape);
    const { matrix } = mixture(ops, logSigmas, state);
    return ops.reshape(ops.matMul(matrix, asMatrix(ops, ops.input(weights))), weights.shape);
  }),

  nativeKernel(RingMixBackpropWeights, (ops, { dy, logSigmas }, _attrs, state) => {
    if (state.hasKernels) return byKernel(ops, Kind.Mix, [dy], logSigmas, dy.shape, true);
    const { matrix } = mixture(ops, logSigmas, state);
    return ops.reshape(ops.matMul(matrix, asMatrix(ops, ops.input(dy)), true), dy.shape);
  }),

  // Σ_l G[r, l] (((l - r)/σ_r)² - 1) ⟨dW'_l, w_r⟩ where σ_r is not clipped.
  nativeKernel(RingMixBackpropSigmas, (ops, { dy, weights, logSigmas }, _attrs, state) => {
    if (state.hasKernels) return byKernel(ops, Kind.MixSigmas, [dy, weights], logSigmas, logSigmas.shape);
    const logs = ops.input(logSigmas);
    const { matrix, exponents } = mixture(ops, logSigmas, state);
    const dots = ops.matMul(asMatrix(ops, ops.input(dy)), asMatrix(ops, ops.input(weights)), false, true);
    const squares = ops.binary("Mul", exponents, ops.scalar(-2));
    const slopes = ops.binary("Mul", matrix, ops.binary("Sub", squares, ops.scalar(1)));
    const gradient = ops.reduceSum(ops.binary("Mul", slopes, dots), 0);
    // 1 where σ is not clipped, else 0.
    const change = ops.binary("Sub", ops.unary("Exp", logs), clippedSigmas(ops, logs));
    const open = ops.binary("Sub", ops.scalar(1), ops.unary("Abs", ops.unary("Sign", change)));
    return ops.binary("Mul", gradient, open);
  }),
];
