// The Gaussian mixture of ring weights and its gradients.

import { mixtureMatrix, product, sigmaBounds } from "@gmr-conv/core";
import { RingMix, RingMixBackpropSigmas, RingMixBackpropWeights } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { FLOAT_WORK, type WasmState, wasm } from "../state.ts";

/** Multiplies rows [R, n] by a matrix [R, R] at an address; `transposed` as in assembly/elementwise.ts. */
function mixRows(
  state: WasmState,
  matrix: number,
  source: tf.TensorInfo,
  rings: number,
  transposed: 0 | 1,
): tf.TensorInfo {
  const result = state.output(source.shape);
  const [from, to] = state.addresses(source, result);
  const inner = product(source.shape) / rings;
  const work = inner * rings * (rings + FLOAT_WORK);
  const pieces = Math.ceil(inner / PIECE);
  state.split("mixRows", pieces, state.threadsFor(work), (begin, end) => [
    matrix,
    from + 4 * PIECE * begin,
    to + 4 * PIECE * begin,
    rings,
    4 * inner,
    Math.min(inner, PIECE * end) - PIECE * begin,
    transposed,
  ]);
  return result;
}

function mix(
  state: WasmState,
  logSigmas: tf.TensorInfo,
  source: tf.TensorInfo,
  transposed: 0 | 1,
): tf.TensorInfo {
  const [rings] = logSigmas.shape as [number];
  const matrix = state.reserve(4 * rings * rings);
  const logs = state.floats(state.address(logSigmas), rings);
  state.floats(matrix, rings * rings).set(mixtureMatrix(logs, rings));
  return mixRows(state, matrix, source, rings, transposed);
}

/** Columns per unit of work. */
const PIECE = 1024;
/** Largest square matrix that is multiplied here. */
const MAX_ROWS = 16;

interface MatMulAttrs {
  transposeA: boolean;
  transposeB: boolean;
}

export const mixtureKernels = [
  // The gradient of a change of the basis of ring weights: the stock kernel is slow where a is transposed.
  wasm.override<Record<"a" | "b", tf.TensorInfo>, MatMulAttrs>(
    tf.BatchMatMul,
    ({ a, b }, { transposeA, transposeB }, state, stock) => {
      const [rows, columns] = a.shape.slice(-2);
      const fits = transposeA && !transposeB && rows === columns && rows <= MAX_ROWS;
      const isSingle = product(a.shape) === rows * rows && product(b.shape.slice(0, -2)) === 1;
      if (
        !fits ||
        !isSingle ||
        a.shape.length !== b.shape.length ||
        a.dtype !== "float32" ||
        b.dtype !== "float32"
      )
        return stock();
      return mixRows(state, state.address(a), b, rows, 0);
    },
  ),

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
