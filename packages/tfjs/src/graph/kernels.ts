// Dense kernels, as tensors: what stock convolutions cannot do is written into the kernel.

import { product } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";

/**
 * Spreads out a kernel so that dilations are 1: `dilation - 1` zeros between neighbours.
 * @param kernel [...k, a, b]
 * @returns [...d(k - 1) + 1, a, b]
 */
export function spreadKernel(kernel: tf.Tensor, dilations: readonly number[]): tf.Tensor {
  return dilations.reduce((spread, dilation, axis) => {
    if (dilation === 1) return spread;
    const { shape } = spread;
    const size = shape[axis];
    const outer = product(shape.slice(0, axis));
    const extent = dilation * (size - 1) + 1;
    return spread
      .reshape([outer, size, 1, -1])
      .pad([
        [0, 0],
        [0, 0],
        [0, dilation - 1],
        [0, 0],
      ])
      .reshape<tf.Tensor3D>([outer, size * dilation, -1])
      .slice([0, 0, 0], [outer, extent, -1])
      .reshape([...shape.slice(0, axis), extent, ...shape.slice(axis + 1)]);
  }, kernel);
}

/** Adds zeros at the end of a kernel's axes. @param kernel [...k, a, b] */
export function extendKernel(kernel: tf.Tensor, added: readonly number[]): tf.Tensor {
  return kernel.pad([...added.map((n): [number, number] => [0, n]), [0, 0], [0, 0]]);
}

/**
 * The single-group kernel equivalent to one of several groups: zero between channels of different groups.
 * @param kernel [...k, a/groups, b]
 * @returns [...k, a, b]
 */
export function blockDiagonal(kernel: tf.Tensor, groups: number): tf.Tensor {
  if (groups === 1) return kernel;
  const axis = kernel.rank - 2;
  const inner = kernel.shape[axis];
  const blocks = tf.split(kernel, groups, axis + 1).map((block, group) => {
    const around = kernel.shape.map((): [number, number] => [0, 0]);
    around[axis] = [group * inner, (groups - 1 - group) * inner];
    return block.pad(around);
  });
  return tf.concat(blocks, axis + 1);
}

/**
 * The part of a kernel that a convolution of several groups uses: the adjoint of {@link blockDiagonal}.
 * @param kernel [...k, a, b]
 * @returns [...k, a/groups, b]
 */
export function diagonalBlocks(kernel: tf.Tensor, groups: number): tf.Tensor {
  if (groups === 1) return kernel;
  const axis = kernel.rank - 2;
  const blocks = tf
    .split(kernel, groups, axis + 1)
    .map((columns, group) => tf.split(columns, groups, axis)[group]);
  return tf.concat(blocks, axis + 1);
}
