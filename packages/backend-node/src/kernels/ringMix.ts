// The Gaussian mixture of ring weights and its gradients.

import { GAUSSIAN_NORM, sigmaBounds } from "@gmr-conv/core";
import { kernelConfig, RingMix, RingMixBackpropSigmas, RingMixBackpropWeights } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import type { NativeBackend } from "../nativeBackend.ts";
import { type Native, type NativeOps, runNativeSingle } from "../nativeOps.ts";

interface Mixture {
  /** Gᵀ [L, R], see `mixtureMatrix` of `@gmr-conv/core`. */
  matrix: Native;
  /** -½((l - r)/σ_r)² [L, R]. */
  exponents: Native;
}

/** A training step needs each mixture three times: those of the last tensors, which never change, are kept. */
const MAX_KNOWN = 256;
const known = new WeakMap<NativeBackend, Map<object, Mixture>>();

function mixture(ops: NativeOps, logSigmas: tf.TensorInfo): Mixture {
  const mixtures = known.get(ops.backend) ?? new Map<object, Mixture>();
  known.set(ops.backend, mixtures);
  const found = mixtures.get(logSigmas.dataId);
  if (found) return found;
  for (const [oldest, { matrix, exponents }] of mixtures) {
    if (mixtures.size < MAX_KNOWN) break;
    mixtures.delete(oldest);
    for (const { id } of [matrix, exponents]) ops.backend.binding.deleteTensor(id);
  }
  const { matrix, exponents } = makeMixture(ops, ops.input(logSigmas));
  const made = { matrix: ops.keep(matrix), exponents: ops.keep(exponents) };
  mixtures.set(logSigmas.dataId, made);
  return made;
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
  return ops.reshape(weights, [rings, rest.reduce((a, b) => a * b, 1)]);
}

export const ringMixConfig = kernelConfig(RingMix, "tensorflow", ({ weights, logSigmas }, _attrs, backend) =>
  runNativeSingle(backend, (ops) => {
    const { matrix } = mixture(ops, logSigmas);
    return ops.reshape(ops.matMul(matrix, asMatrix(ops, ops.input(weights))), weights.shape);
  }),
);

export const ringMixBackpropWeightsConfig = kernelConfig(
  RingMixBackpropWeights,
  "tensorflow",
  ({ dy, logSigmas }, _attrs, backend) =>
    runNativeSingle(backend, (ops) => {
      const { matrix } = mixture(ops, logSigmas);
      return ops.reshape(ops.matMul(matrix, asMatrix(ops, ops.input(dy)), true), dy.shape);
    }),
);

/** Σ_l G[r, l] (((l - r)/σ_r)² - 1) ⟨dW'_l, w_r⟩ where σ_r is not clipped. */
export const ringMixBackpropSigmasConfig = kernelConfig(
  RingMixBackpropSigmas,
  "tensorflow",
  ({ dy, weights, logSigmas }, _attrs, backend) =>
    runNativeSingle(backend, (ops) => {
      const logs = ops.input(logSigmas);
      const { matrix, exponents } = mixture(ops, logSigmas);
      const dots = ops.matMul(asMatrix(ops, ops.input(dy)), asMatrix(ops, ops.input(weights)), false, true);
      const squares = ops.binary("Mul", exponents, ops.scalar(-2));
      const slopes = ops.binary("Mul", matrix, ops.binary("Sub", squares, ops.scalar(1)));
      const gradient = ops.reduceSum(ops.binary("Mul", slopes, dots), 0);
      // 1 where clipping changed nothing, else 0.
      const change = ops.binary("Sub", ops.unary("Exp", logs), clippedSigmas(ops, logs));
      const open = ops.binary("Sub", ops.scalar(1), ops.unary("Abs", ops.unary("Sign", change)));
      return ops.binary("Mul", gradient, open);
    }),
);
