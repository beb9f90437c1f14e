// The ring strategy on backends without its kernels, composed of stock ops that have gradients.

import { product } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { spreadMasks } from "./dense.ts";
import type { ConvPlan } from "./options.ts";
import { cropSpatial, padSpatial } from "./padding.ts";
import { subsample } from "./subsample.ts";

/** x [N, ...in, Cin] with mixed weights [L, Cin, Cout] → [N, ...out, Cout]: ring sums, then one matrix product. */
export function composedRingConv(x: tf.Tensor, weights: tf.Tensor3D, plan: ConvPlan): tf.Tensor {
  const [rings, cin, cout] = weights.shape;
  const sums = ringSums(padSpatial(x, plan.geometry.padding, "zeros"), plan);
  const product = tf.matMul(
    sums.reshape<tf.Tensor2D>([-1, cin * rings]),
    weights.transpose<tf.Tensor3D>([1, 0, 2]).reshape<tf.Tensor2D>([cin * rings, cout]),
  );
  return product.reshape([x.shape[0], ...plan.geometry.outputSize, cout]);
}

/**
 * Computes a convolution that may be transposed, x [N, ...in, Cin] with mixed weights [L, Cout, Cin], as a plain one: x
 * spread out by the strides, stride 1. The kernel need not be mirrored, since rings are symmetric.
 */
export function asForward(
  x: tf.Tensor,
  weights: tf.Tensor3D,
  plan: ConvPlan,
  convolve: (x: tf.Tensor, weights: tf.Tensor3D, plan: ConvPlan) => tf.Tensor,
): tf.Tensor {
  const { geometry } = plan;
  if (!geometry.transposed) return convolve(x, weights, plan);
  const ones = geometry.strides.map(() => 1);
  const padding = geometry.padding.map(([before, after], axis): [number, number] => [
    geometry.extent[axis] - 1 - before,
    geometry.extent[axis] - 1 - after,
  ]);
  const spread = cropSpatial(
    spreadOut(x, geometry.strides),
    padding.map(([before, after]): [number, number] => [-before, -after]),
  );
  return convolve(spread, weights.transpose<tf.Tensor3D>([0, 2, 1]), {
    ...plan,
    geometry: {
      ...geometry,
      inputSize: spread.shape.slice(1, -1),
      strides: ones,
      padding: padding.map(() => [0, 0]),
      transposed: false,
    },
  });
}

/** Zeros between the positions of x [N, ...spatial, C], n → (n - 1) · stride + 1. */
function spreadOut(x: tf.Tensor, strides: readonly number[]): tf.Tensor {
  let y = x;
  strides.forEach((stride, i) => {
    if (stride === 1) return;
    const axis = i + 1;
    const [size, shape] = [y.shape[axis], y.shape];
    const outer = product(shape.slice(0, axis));
    const inner = product(shape.slice(axis + 1));
    y = y
      .reshape<tf.Tensor3D>([outer * size, 1, inner])
      .pad([
        [0, 0],
        [0, stride - 1],
        [0, 0],
      ])
      .reshape<tf.Tensor3D>([outer, size * stride, inner])
      .slice([0, 0, 0], [outer, (size - 1) * stride + 1, inner])
      .reshape(shape.map((n, a) => (a === axis ? (size - 1) * stride + 1 : n)));
  });
  return y;
}

/** S_l(x) for every ring: x [N, ...padded, C] → [N, ...out, C, L] (the last two axes may be merged). */
function ringSums(x: tf.Tensor, plan: ConvPlan): tf.Tensor {
  const { extent, strides, outputSize } = plan.geometry;
  const rings = plan.partition.numRings;
  const channels = x.shape[x.rank - 1];
  const masks = spreadMasks(plan);
  if (plan.rank === 3) {
    // There is no 3-D depthwise convolution: each channel becomes an image.
    const [batch, ...rest] = x.shape;
    const size = rest.slice(0, 3);
    const images = x
      .transpose([0, 4, 1, 2, 3])
      .reshape<tf.Tensor5D>([batch * channels, size[0], size[1], size[2], 1]);
    const kernel = masks.reshape<tf.Tensor5D>([...extent, 1, rings]);
    return tf
      .conv3d(images, kernel, strides as [number, number, number], "valid")
      .reshape([batch, channels, ...outputSize, rings])
      .transpose([0, 2, 3, 4, 1, 5]);
  }
  return depthwise(x, masks.reshape<tf.Tensor3D>([-1, 1, rings]).tile<tf.Tensor3D>([1, channels, 1]), plan);
}

/**
 * A convolution of each channel by itself, in one or two dimensions: x [N, ...in, C] with mixed weights [L, 1, C · m] or
 * [L, C · m, 1] → [N, ...out, C · m].
 */
export function foldedDepthwise(x: tf.Tensor, weights: tf.Tensor3D, plan: ConvPlan): tf.Tensor {
  const [rings, inner, outer] = weights.shape;
  const channels = x.shape[x.rank - 1];
  const kernel = tf.matMul(spreadMasks(plan), weights.reshape<tf.Tensor2D>([rings, inner * outer]));
  const padded = padSpatial(x, plan.geometry.padding, "zeros");
  const multiplier = (inner * outer) / channels;
  return depthwise(padded, kernel.reshape<tf.Tensor3D>([-1, channels, multiplier]), plan);
}

/** x [N, ...padded, C] with a kernel [Πextent, C, M] → [N, ...out, C · M], in one or two dimensions. */
function depthwise(x: tf.Tensor, weights: tf.Tensor3D, plan: ConvPlan): tf.Tensor {
  const { extent, strides, outputSize } = plan.geometry;
  const flat = plan.rank === 1;
  const [h, w] = flat ? [1, extent[0]] : extent;
  const [outH, outW] = flat ? [1, outputSize[0]] : outputSize;
  const [sh, sw] = flat ? [strides[0], strides[0]] : strides;
  const image = flat ? x.expandDims<tf.Tensor4D>(1) : (x as tf.Tensor4D);
  const kernel = weights.reshape<tf.Tensor4D>([h, w, weights.shape[1], weights.shape[2]]);
  // Depthwise convolutions of TensorFlow.js require equal strides: compute every pixel, then subsample.
  const equal = sh === sw;
  const sums = tf.depthwiseConv2d(image, kernel, equal ? sh : 1, "valid");
  const y = equal ? sums : subsample(subsample(sums, 1, sh, outH), 2, sw, outW);
  return flat ? y.squeeze([1]) : y;
}
