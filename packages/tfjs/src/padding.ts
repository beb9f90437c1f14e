// Padding in any mode, made of slices and concatenations, which every backend can differentiate.

import type { PadMode } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";

/**
 * Pads the spatial axes of x [N, ...spatial, C].
 * @param padding [before, after] for each spatial axis
 */
export function padSpatial(
  x: tf.Tensor,
  padding: readonly (readonly [number, number])[],
  mode: PadMode,
): tf.Tensor {
  if (padding.every(([before, after]) => before === 0 && after === 0)) return x;
  return tf.tidy(() => {
    if (mode === "zeros")
      return x.pad([[0, 0], ...padding.map(([b, a]): [number, number] => [b, a]), [0, 0]]);
    let y = x;
    padding.forEach(([before, after], i) => {
      if (before > 0 || after > 0) y = padAxis(y, i + 1, before, after, mode);
    });
    return y;
  });
}

/**
 * Crops the spatial axes of x [N, ...spatial, C]; negative numbers add zeros.
 * @param cut [before, after] for each spatial axis
 */
export function cropSpatial(x: tf.Tensor, cut: readonly (readonly [number, number])[]): tf.Tensor {
  const positive = (n: number): number => Math.max(0, n);
  const padded = padSpatial(
    x,
    cut.map(([before, after]): [number, number] => [positive(-before), positive(-after)]),
    "zeros",
  );
  if (cut.every(([before, after]) => before <= 0 && after <= 0)) return padded;
  const begin = [0, ...cut.map(([before]) => positive(before)), 0];
  const size = padded.shape.map((n, axis) => {
    const [before, after] = cut[axis - 1] ?? [0, 0];
    return n - positive(before) - positive(after);
  });
  return padded.slice(begin, size);
}

function padAxis(
  x: tf.Tensor,
  axis: number,
  before: number,
  after: number,
  mode: Exclude<PadMode, "zeros">,
): tf.Tensor {
  const size = x.shape[axis];
  const part = (begin: number, length: number): tf.Tensor => {
    const begins = x.shape.map(() => 0);
    const sizes = [...x.shape];
    begins[axis] = begin;
    sizes[axis] = length;
    return x.slice(begins, sizes);
  };
  const repeat = (edge: tf.Tensor, times: number): tf.Tensor[] => new Array<tf.Tensor>(times).fill(edge);
  let head: tf.Tensor[] = [];
  let tail: tf.Tensor[] = [];
  switch (mode) {
    case "reflect":
      if (before > 0) head = [part(1, before).reverse(axis)];
      if (after > 0) tail = [part(size - 1 - after, after).reverse(axis)];
      break;
    case "replicate":
      if (before > 0) head = repeat(part(0, 1), before);
      if (after > 0) tail = repeat(part(size - 1, 1), after);
      break;
    case "circular":
      if (before > 0) head = [part(size - before, before)];
      if (after > 0) tail = [part(0, after)];
      break;
  }
  return tf.concat([...head, x, ...tail], axis);
}
