// The dense strategy: fold the rings into an ordinary kernel, then convolve with stock ops.

import { product, type RingPartition, ringMasks } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import type { ConvPlan } from "./options.ts";
import { cropSpatial, padSpatial } from "./padding.ts";

/** Ring masks [Πextent, L] over the kernel's extent: the gaps of a dilated kernel lie on no ring. */
export function spreadMasks({ partition, geometry, masks }: ConvPlan): tf.Tensor2D {
  const positions = partition.index.length;
  const values =
    masks ?? tf.tensor2d(Float32Array.from(ringMasks(partition)), [partition.numRings, positions]);
  if (geometry.dilations.every((dilation) => dilation === 1)) return values.transpose();
  // The stock convolutions have no gradients for dilations, so the kernel is spread out with zeros instead.
  const places = new Float32Array(product(geometry.extent) * positions);
  for (let position = 0; position < positions; position++) {
    places[spreadPosition(position, partition, geometry) * positions + position] = 1;
  }
  return tf.matMul(tf.tensor2d(places, [product(geometry.extent), positions]), values, false, true);
}

/** Index of a kernel position, row-major over the extent. */
function spreadPosition(
  position: number,
  { kernelSize }: RingPartition,
  { dilations, extent }: ConvPlan["geometry"],
): number {
  let [rest, place, scale] = [position, 0, 1];
  for (let axis = kernelSize.length - 1; axis >= 0; axis--) {
    place += (rest % kernelSize[axis]) * dilations[axis] * scale;
    rest = Math.floor(rest / kernelSize[axis]);
    scale *= extent[axis];
  }
  return place;
}

/** Mixed weights [L, A, B] as a dense kernel [...extent, A, B]. */
function foldWeights(weights: tf.Tensor3D, plan: ConvPlan): tf.Tensor {
  const [rings, a, b] = weights.shape;
  return tf
    .matMul(spreadMasks(plan), weights.reshape<tf.Tensor2D>([rings, a * b]))
    .reshape([...plan.geometry.extent, a, b]);
}

/** x [N, ...in, Cin] with mixed weights [L, Cin, Cout] → [N, ...out, Cout]. */
export function denseConv(x: tf.Tensor, weights: tf.Tensor3D, plan: ConvPlan): tf.Tensor {
  const { padding, strides } = plan.geometry;
  const kernel = foldWeights(weights, plan);
  if (plan.rank === 3) {
    return tf.conv3d(
      padSpatial(x, padding, "zeros") as tf.Tensor5D,
      kernel as tf.Tensor5D,
      strides as [number, number, number],
      "valid",
    );
  }
  if (plan.rank === 2) {
    const explicit: tf.backend_util.ExplicitPadding = [[0, 0], pair(padding[0]), pair(padding[1]), [0, 0]];
    const none = padding.every(([before, after]) => before === 0 && after === 0);
    return tf.conv2d(
      x as tf.Tensor4D,
      kernel as tf.Tensor4D,
      strides as [number, number],
      none ? "valid" : explicit,
    );
  }
  // One dimension runs as two, with a height of one.
  const image = padSpatial(x, padding, "zeros").expandDims<tf.Tensor4D>(1);
  return tf.conv2d(image, kernel.expandDims<tf.Tensor4D>(0), [1, strides[0]], "valid").squeeze([1]);
}

/** x [N, ...in, Cin] with mixed weights [L, Cout, Cin] → [N, ...out, Cout]. */
export function denseConvTranspose(x: tf.Tensor, weights: tf.Tensor3D, plan: ConvPlan): tf.Tensor {
  const { inputSize, strides, extent, padding } = plan.geometry;
  const kernel = foldWeights(weights, plan);
  const batch = x.shape[0];
  const channels = weights.shape[1];
  // The stock ops have no output padding and, in three dimensions, no padding: compute everything, then crop.
  const full = inputSize.map((size, axis) => (size - 1) * strides[axis] + extent[axis]);
  if (plan.rank === 3) {
    const shape: [number, number, number, number, number] = [batch, full[0], full[1], full[2], channels];
    const y = tf.conv3dTranspose(
      x as tf.Tensor5D,
      kernel as tf.Tensor5D,
      shape,
      strides as [number, number, number],
      "valid",
    );
    return cropSpatial(y, padding);
  }
  if (plan.rank === 2) {
    const shape: [number, number, number, number] = [batch, full[0], full[1], channels];
    const y = tf.conv2dTranspose(
      x as tf.Tensor4D,
      kernel as tf.Tensor4D,
      shape,
      strides as [number, number],
      "valid",
    );
    return cropSpatial(y, padding);
  }
  const y = tf.conv2dTranspose(
    x.expandDims<tf.Tensor4D>(1),
    kernel.expandDims<tf.Tensor4D>(0),
    [batch, 1, full[0], channels],
    [1, strides[0]],
    "valid",
  );
  return cropSpatial(y.squeeze([1]), padding);
}

function pair([before, after]: readonly [number, number]): [number, number] {
  return [before, after];
}
