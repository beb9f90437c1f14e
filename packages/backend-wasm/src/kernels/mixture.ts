// The Gaussian mixture of ring weights and its gradients.

import { mixtureMatrix, product, sigmaBounds } from "@gmr-conv/core";
import { RingMix, RingMixBackpropSigmas, RingMixBackpropWeights } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import { type WasmState, wasm } from "../state.ts";

function mix(
  state: WasmState,
  logSigmas: tf.TensorInfo,
  source: tf.TensorInfo,
  transposed: 0 | 1,
): tf.TensorInfo {
  const [rings] = logSigmas.shape as [number];
  const result = state.output(source.shape);
  const matrix = state.reserve(4 * rings * rings);
  const logs = state.floats(state.address(logSigmas), rings);
  state.floats(matrix, rings * rings).set(mixtureMatrix(logs, rings));
  const [from, to] = state.addresses(source, result);
  state.run.mixRows(matrix, from, to, rings, product(source.shape) / rings, transposed);
  return result;
}

export const mixtureKernels = [
  wasm.kernel(RingMix, ({ weights, logSigmas }, _attrs, state) => mix(state, logSigmas, weights, 0)),

  wasm.kernel(RingMixBackpropWeights, ({ dy, logSigmas }, _attrs, state) => mix(state, logSigmas, dy, 1)),

  wasm.kernel(RingMixBackpropSigmas, ({ dy, weights, logSigmas }, _attrs, state) => {
    const [rings] = logSigmas.shape as [number];
    const result = state.output([rings]);
    const dots = state.reserve(4 * rings * rings);
    const [a, b] = state.addresses(weights, dy);
    state.run.dotRows(a, b, dots, rings, product(weights.shape) / rings);
    const products = state.floats(dots, rings * rings);
    const logs = state.floats(state.address(logSigmas), rings);
    const matrix = mixtureMatrix(logs, rings);
    const [min, max] = sigmaBounds(rings);
    const gradient = state.floats(state.address(result), rings);
    for (let r = 0; r < rings; r++) {
      const sigma = Math.exp(logs[r]);
      let sum = 0;
      if (sigma >= min && sigma <= max) {
        for (let l = 0; l < rings; l++) {
          const at = r * rings + l;
          sum += products[at] * matrix[at] * (((l - r) / sigma) ** 2 - 1);
        }
      }
      gradient[r] = sum;
    }
    return result;
  }),
];
