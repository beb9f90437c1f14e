import { product } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";

/**
 * Every `step`-th entry of an axis, `count` of them from the first on. Made of slice, pad and reshape, since the stock
 * strided slice has no gradient.
 */
export function subsample(x: tf.Tensor, axis: number, step: number, count: number): tf.Tensor {
  if (step === 1 && x.shape[axis] === count) return x;
  return tf.tidy(() => {
    const outer = product(x.shape.slice(0, axis));
    const inner = product(x.shape.slice(axis + 1));
    const length = (count - 1) * step + 1;
    return x
      .reshape<tf.Tensor3D>([outer, x.shape[axis], inner])
      .slice([0, 0, 0], [outer, length, inner])
      .pad([
        [0, 0],
        [0, step - 1],
        [0, 0],
      ])
      .reshape<tf.Tensor3D>([outer * count, step, inner])
      .slice([0, 0, 0], [outer * count, 1, inner])
      .reshape(x.shape.map((size, i) => (i === axis ? count : size)));
  });
}
