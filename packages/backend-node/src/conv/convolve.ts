// The three convolutions of training: sums over rings, then one matrix product.

import { product } from "@gmr-conv/core";
import { adjointShape, type Convolutions, type ConvShape } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import type { Native, NativeOps } from "../nativeOps.ts";
import { type NativeState, type RingSums, runNativeSingle } from "../state.ts";
import { productOfRows } from "../sumRows.ts";
import { ringSums } from "./ringSums.ts";

/** Whether there is nothing to compute: TensorFlow's own ops do not get the shapes of no images right. */
const isEmpty = (input: tf.TensorInfo, shape: readonly number[]): boolean =>
  product(input.shape) === 0 || product(shape) === 0;

/** What sums of dy are made of. */
const sourcesOf = (dy: tf.TensorInfo, shape: ConvShape): unknown[] => [dy.dataId, JSON.stringify(shape)];

function keepSums(state: NativeState, dy: tf.TensorInfo, shape: ConvShape, sums: RingSums): void {
  state.gradientSums.keep(sourcesOf(dy, shape), sums);
  queueMicrotask(() => state.gradientSums.forget(sums));
}

/** Rings are symmetric: S_lᵀ = S_l. */
export const convolutions: Convolutions<NativeState> = {
  forward: (state, shape, x, weights, yShape) =>
    runNativeSingle(state, (ops) => {
      state.gradientSums.forget();
      if (isEmpty(x, yShape)) return ops.fill(yShape, 0);
      const sums = ringSums(ops, ops.input(x), shape, state);
      return ops.reshape(multiply(ops, sums, ops.input(weights), shape), yShape);
    }),

  inputGradient: (state, shape, dy, weights, dxShape) =>
    runNativeSingle(state, (ops) => {
      state.gradientSums.forget();
      if (isEmpty(dy, dxShape)) return ops.fill(dxShape, 0);
      const adjoint = adjointShape(shape);
      const transposed = ops.transpose(ops.input(weights), [0, 2, 1]);
      const sums = ringSums(ops, ops.input(dy), adjoint, state);
      const dx = multiply(ops, sums, transposed, adjoint);
      // With strides, the sums of dy spread out are so many more that the product with them costs more than new sums.
      if (sums && shape.strides.every((stride) => stride === 1)) {
        keepSums(state, dy, shape, { rings: sums.rings, sums: ops.keep(sums.sums) });
      }
      return ops.reshape(dx, dxShape);
    }),

  /** dW[l] = S_l(x)ᵀ · dy = xᵀ · S_l(dy); 0 for rings that read nothing. */
  filterGradient: (state, shape, x, dy, dwShape) =>
    runNativeSingle(state, (ops) => {
      const { inChannels, outChannels, matrices } = shape;
      const known = state.gradientSums.take(sourcesOf(dy, shape));
      if (known) ops.adopt(known.sums);
      if (isEmpty(x, dy.shape)) return ops.fill(dwShape, 0);
      if (known) {
        const { rings } = known;
        const pixels = ops.reshape(ops.input(x), [product(x.shape) / inChannels, inChannels]);
        const joined = productOfRows(ops, pixels, known.sums);
        const found = ops.transpose(ops.reshape(joined, [inChannels, rings.length, outChannels]), [1, 0, 2]);
        return allRings(ops, found, rings, matrices);
      }
      const sums = ringSums(ops, ops.input(x), shape, state);
      if (!sums) return ops.fill(dwShape, 0);
      const rows = ops.reshape(ops.input(dy), [product(dy.shape) / outChannels, outChannels]);
      const found = ops.reshape(productOfRows(ops, sums.sums, rows), [
        sums.rings.length,
        inChannels,
        outChannels,
      ]);
      return allRings(ops, found, sums.rings, matrices);
    }),
};

/** Σ_l S_l · weights[l], [positions, Cout]. */
function multiply(
  ops: NativeOps,
  sums: RingSums | undefined,
  weights: Native,
  { images, outSize }: ConvShape,
): Native {
  const [rings, cin, cout] = weights.shape;
  if (!sums) return ops.fill([images * product(outSize), cout], 0);
  const count = sums.rings.length;
  const matrix = (ring: number): Native => ops.slice(weights, [ring, 0, 0], [1, cin, cout]);
  const live = count === rings ? weights : ops.concat(sums.rings.map(matrix), 0);
  return ops.matMul(sums.sums, ops.reshape(live, [count * cin, cout]));
}

/** The matrices of some rings among zeros for the others, [L, Cin, Cout]. */
function allRings(ops: NativeOps, matrices: Native, rings: readonly number[], numRings: number): Native {
  if (rings.length === numRings) return matrices;
  const shape = [1, ...matrices.shape.slice(1)];
  const zeros = ops.fill(shape, 0);
  const parts = Array.from({ length: numRings }, (_, ring) => {
    const place = rings.indexOf(ring);
    return place < 0 ? zeros : ops.slice(matrices, [place, 0, 0], shape);
  });
  return ops.concat(parts, 0);
}
