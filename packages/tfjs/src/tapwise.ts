// A convolution that never multiplies a pixel outside the rings: slices are added up ring by ring, then multiplied.
// Slow; for images with infinite or NaN pixels, where everything else multiplies by masks.

import * as tf from "@tensorflow/tfjs";
import type { ConvPlan } from "./options.ts";
import { padSpatial } from "./padding.ts";
import { positionsOnRings } from "./positions.ts";
import { subsample } from "./subsample.ts";

/** x [N, ...in, Cin] with mixed weights [L, Cin, Cout] → [N, ...out, Cout], not transposed. */
export function tapwiseConv(
  x: tf.Tensor,
  weights: tf.Tensor3D,
  { partition, geometry }: ConvPlan,
): tf.Tensor {
  const { kernelSize } = partition;
  const { dilations, strides, outputSize } = geometry;
  const [, cin, cout] = weights.shape;
  const padded = padSpatial(x, geometry.padding, "zeros");
  const sums = new Map<number, tf.Tensor>();
  for (const position of positionsOnRings(partition)) {
    let rest = position;
    const begin = x.shape.map(() => 0);
    const size = [...padded.shape];
    for (let axis = kernelSize.length - 1; axis >= 0; axis--) {
      begin[axis + 1] = (rest % kernelSize[axis]) * dilations[axis];
      size[axis + 1] = (outputSize[axis] - 1) * strides[axis] + 1;
      rest = Math.floor(rest / kernelSize[axis]);
    }
    const pixels = strides.reduce<tf.Tensor>(
      (part, stride, axis) => subsample(part, axis + 1, stride, outputSize[axis]),
      padded.slice(begin, size),
    );
    const ring = partition.index[position];
    sums.set(ring, sums.get(ring)?.add(pixels) ?? pixels);
  }
  const products = [...sums].map(([ring, sum]) =>
    tf.matMul(
      sum.reshape<tf.Tensor2D>([-1, cin]),
      weights.slice([ring, 0, 0], [1, cin, cout]).reshape<tf.Tensor2D>([cin, cout]),
    ),
  );
  return tf.addN(products).reshape([x.shape[0], ...outputSize, cout]);
}
