// Empty tensors: batches of no images, maps that shrink to nothing, slices of nothing. Every op must match the CPU
// backend; some stock kernels of others trap, never return or read adjacent memory.

import { GmrError } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { batchNormTraining } from "../batchNorm.ts";
import { mendGradients } from "../gradients.ts";
import { type ConformanceCase, defineCase } from "./conformanceCase.ts";
import { type Compute, sameAsOnCpu } from "./sameAsOnCpu.ts";

const none = (...shape: number[]): tf.Tensor => tf.zeros(shape);
const some = (...shape: number[]): tf.Tensor => tf.randomNormal(shape, 0, 1, "float32", 5);
const ints = (...shape: number[]): tf.Tensor => tf.zeros(shape, "int32");
const grad = (f: (x: tf.Tensor) => tf.Tensor, x: tf.Tensor): tf.Tensor => tf.grad(f)(x);
const broadcast = (f: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor): tf.Tensor[] =>
  tf.grads(f)([none(0, 3), some(1, 3)]);

const OPS: Readonly<Record<string, Compute>> = {
  "one by one": () => [
    none(0, 3).abs(),
    none(2, 0).exp(),
    none(0).sqrt(),
    none(0, 2).neg(),
    none(0, 1).square(),
  ],
  activations: () => [
    none(0, 3).relu(),
    none(0, 3).sigmoid(),
    none(0, 3).tanh(),
    none(0, 3).elu(),
    tf.leakyRelu(none(0, 3)),
  ],
  "softmax and its logarithm": () => [none(0, 3).softmax(), tf.logSoftmax(none(0, 3)), none(2, 0).softmax()],
  "in pairs": () => [
    none(0, 3).add(none(0, 3)),
    none(0, 3).mul(some(3)),
    none(2, 0).sub(some(1, 1)),
    none(0).div(2),
  ],
  comparisons: () => [
    none(0, 3).greater(some(3)),
    none(0).equal(none(0)),
    none(0, 2).maximum(0),
    none(0).notEqual(1),
  ],
  choices: () => tf.where(none(0, 2).greater(0), none(0, 2), none(0, 2)),
  "matrix products without rows": () => [
    tf.matMul(none(0, 3), some(3, 4)),
    tf.matMul(some(2, 3), none(3, 0)),
  ],
  "a matrix product without depth": () => tf.matMul(none(2, 0), none(0, 4)),
  "matrix products of no batch": () => tf.matMul(none(0, 2, 3), none(0, 3, 4)),
  "a matrix product with bias": () =>
    tf.fused.matMul({
      a: none(0, 3) as tf.Tensor2D,
      b: some(3, 4) as tf.Tensor2D,
      bias: some(4),
      activation: "relu",
    }),
  "convolutions of no images": () => [
    tf.conv2d(none(0, 5, 6, 2) as tf.Tensor4D, some(3, 3, 2, 4) as tf.Tensor4D, 1, "same"),
    tf.conv2d(none(0, 5, 6, 2) as tf.Tensor4D, some(3, 3, 2, 4) as tf.Tensor4D, 2, "valid"),
    tf.conv1d(none(0, 5, 2) as tf.Tensor3D, some(3, 2, 4) as tf.Tensor3D, 1, "same"),
    tf.conv3d(none(0, 3, 4, 5, 2) as tf.Tensor5D, some(3, 3, 3, 2, 4) as tf.Tensor5D, 1, "same"),
  ],
  "a convolution of images of nothing": () =>
    tf.conv2d(none(2, 0, 6, 3) as tf.Tensor4D, some(3, 3, 3, 4) as tf.Tensor4D, 1, "same"),
  "depthwise convolutions": () => [
    tf.depthwiseConv2d(none(0, 5, 6, 2) as tf.Tensor4D, some(3, 3, 2, 2) as tf.Tensor4D, 1, "same"),
  ],
  "a convolution with bias and rectifier": () =>
    tf.fused.conv2d({
      x: none(0, 5, 5, 2) as tf.Tensor4D,
      filter: some(3, 3, 2, 4) as tf.Tensor4D,
      strides: 1,
      pad: "same",
      bias: some(4),
      activation: "relu",
    }),
  "a transposed convolution": () =>
    tf.conv2dTranspose(
      none(0, 3, 3, 4) as tf.Tensor4D,
      some(2, 2, 3, 4) as tf.Tensor4D,
      [0, 6, 6, 3],
      2,
      "valid",
    ),
  "pooling of no images": () => [
    tf.maxPool(none(0, 4, 4, 2) as tf.Tensor4D, 2, 2, "valid"),
    tf.avgPool(none(0, 4, 4, 2) as tf.Tensor4D, 2, 2, "same"),
    tf.avgPool(none(0, 40, 40, 2) as tf.Tensor4D, 40, 40, "valid"),
    tf.maxPool3d(none(0, 4, 4, 4, 2) as tf.Tensor5D, 2, 2, "same"),
    tf.avgPool3d(none(0, 4, 4, 4, 2) as tf.Tensor5D, 2, 2, "same"),
  ],
  "batch normalisation": () =>
    tf.batchNorm(none(0, 3, 3, 2) as tf.Tensor4D, some(2) as tf.Tensor1D, tf.ones([2]) as tf.Tensor1D),
  "sums and means": () => [
    none(0, 3).sum(),
    none(0, 3).sum(0),
    none(0, 3).mean(1),
    none(2, 0).sum(1),
    none(0).prod(0),
  ],
  "largest and smallest": () => [
    none(0, 3).max(1),
    none(0, 3).min(1),
    none(0, 3).argMax(1),
    none(0, 2).cast("bool").any(1),
  ],
  "parts of nothing": () => [
    none(0, 4).slice([0, 1], [0, 2]),
    some(3, 4).slice([1, 0], [0, 4]),
    some(4).slice(4),
  ],
  "strided slices": () => [
    none(0, 4).stridedSlice([0, 0], [0, 4], [1, 2]),
    some(4).stridedSlice([2], [2], [1]),
  ],
  concatenation: () => [
    tf.concat([none(0, 3), some(2, 3)]),
    tf.concat([none(2, 0), some(2, 3)], 1),
    tf.concat([none(0), none(0)]),
  ],
  splitting: () => [...tf.split(none(0, 4), 2, 1), ...tf.split(some(3, 2), [0, 3], 0)],
  stacking: () => [tf.stack([none(0, 2), none(0, 2)], 1), ...tf.unstack(none(2, 0))],
  shapes: () => [
    none(0, 3).reshape([3, 0]),
    none(0, 3).transpose(),
    none(0, 1).squeeze([1]),
    none(0).expandDims(1),
  ],
  transposition: () => [none(0, 2, 3).transpose([2, 0, 1]), none(2, 0, 3, 4).transpose([0, 3, 1, 2])],
  padding: () => [
    none(0, 3).pad([
      [0, 0],
      [1, 1],
    ]),
    none(2, 0).pad([
      [0, 0],
      [1, 2],
    ]),
  ],
  "turning and mirroring": () => [
    none(0, 3, 3, 1).reverse(1),
    tf.image.flipLeftRight(none(0, 3, 3, 1) as tf.Tensor4D),
  ],
  resizing: () => [
    tf.image.resizeBilinear(none(0, 4, 4, 2) as tf.Tensor4D, [8, 8], true),
    tf.image.resizeNearestNeighbor(none(0, 4, 4, 2) as tf.Tensor4D, [8, 8]),
  ],
  repeating: () => [none(0, 2).tile([2, 3]), none(2, 0).tile([1, 2]), none(0, 1).broadcastTo([0, 5])],
  "rows by number": () => [
    some(3, 4).gather(tf.tensor1d([], "int32")),
    none(0, 4).gather(tf.tensor1d([], "int32")),
    tf.gatherND(some(3, 4), ints(0, 1)),
  ],
  "one hot": () => tf.oneHot(tf.tensor1d([], "int32"), 4),
  types: () => [none(0, 3).cast("int32"), none(0, 3).cast("bool"), ints(0, 2).cast("float32")],
  filling: () => [tf.fill([0, 3], 2), tf.zerosLike(none(0, 2)), tf.onesLike(none(2, 0)), tf.range(0, 0)],
  "running sums": () => [none(0, 3).cumsum(1), none(2, 0).cumsum(1)],
  "the largest of some": () => Object.values(tf.topk(none(0, 4), 2)),
  "clipping, powers, remainders": () => [
    none(0, 2).clipByValue(0, 1),
    none(0).pow(2),
    none(0, 2).mod(3),
    none(0, 3).prelu(some(3)),
  ],
  "nothing beside numbers that were computed": () => {
    const computed = some(2, 3).mul(2); // only on the GPU
    return [
      tf.concat([none(0, 3), computed]),
      computed.gather(tf.tensor1d([], "int32")),
      tf.matMul(none(0, 2), computed),
      tf.conv2d(none(0, 5, 5, 1) as tf.Tensor4D, some(3, 3, 1, 2).mul(2) as tf.Tensor4D, 1, "same"),
    ];
  },
  "gradients of no images": () => {
    mendGradients();
    const filter = some(3, 3, 2, 4) as tf.Tensor4D;
    const images = none(0, 6, 6, 2);
    return [
      grad((x) => tf.conv2d(x as tf.Tensor4D, filter, 1, "same"), images),
      grad((w) => tf.conv2d(images as tf.Tensor4D, w as tf.Tensor4D, 1, "same"), filter),
      grad((x) => tf.maxPool(x as tf.Tensor4D, 2, 2, "same"), images),
      grad((x) => tf.avgPool(x as tf.Tensor4D, 2, 2, "same"), images),
      grad((x) => tf.matMul(x, some(3, 4)), none(0, 3)),
      grad((w) => tf.matMul(none(0, 3), w), some(3, 4)),
      grad((x) => x.relu().mean(), none(0, 3)),
      grad((b) => none(0, 3).add(b), some(3)),
      grad((x) => x.softmax().square().sum(), none(0, 3)),
      grad((x) => tf.image.resizeBilinear(x as tf.Tensor4D, [8, 8], true), images),
      grad((x) => x.slice([0, 0, 0, 0], [0, 2, 2, 1]), images),
      ...broadcast((a, b) => a.add(b)),
      ...broadcast((a, b) => a.sub(b)),
      ...broadcast((a, b) => a.mul(b)),
      ...broadcast((a, b) => a.div(b)),
      ...broadcast((x, gamma) => batchNormTraining(x, gamma.reshape([3]), some(3) as tf.Tensor1D).y),
      grad((x) => tf.concat([x, x], 3).reshape([0, 6 * 6 * 4]), images),
    ];
  },
};

/** Windows with no position in their input. */
const SHRINKING: Readonly<Record<string, () => tf.Tensor>> = {
  "a convolution": () =>
    tf.conv2d(some(2, 2, 6, 3) as tf.Tensor4D, some(3, 3, 3, 4) as tf.Tensor4D, 1, "valid"),
  "a convolution of one pixel": () =>
    tf.conv2d(some(2, 1, 1, 3) as tf.Tensor4D, some(3, 3, 3, 4) as tf.Tensor4D, 1, "valid"),
  "a depthwise convolution": () =>
    tf.depthwiseConv2d(some(2, 2, 6, 2) as tf.Tensor4D, some(3, 3, 2, 1) as tf.Tensor4D, 1, "valid"),
  "a convolution of volumes": () =>
    tf.conv3d(some(1, 2, 2, 2, 1) as tf.Tensor5D, some(3, 3, 3, 1, 2) as tf.Tensor5D, 1, "valid"),
  maxima: () => tf.maxPool(some(2, 1, 5, 3) as tf.Tensor4D, 2, 2, "valid"),
  averages: () => tf.avgPool(some(2, 1, 1, 3) as tf.Tensor4D, 2, 2, "valid"),
  "averages over large windows": () => tf.avgPool(some(1, 9, 9, 2) as tf.Tensor4D, 10, 10, "valid"),
  "maxima of volumes": () => tf.maxPool3d(some(2, 1, 3, 3, 3) as tf.Tensor5D, 2, 2, "valid"),
  "averages of volumes": () => tf.avgPool3d(some(2, 1, 3, 3, 3) as tf.Tensor5D, 2, 2, "valid"),
};

/** Ops on empty tensors. */
export function emptyCases(): ConformanceCase[] {
  return [
    ...Object.entries(OPS).map(([name, compute]) => sameAsOnCpu(`nothing: ${name}`, compute)),
    ...Object.entries(SHRINKING).map(([name, compute]) => shrinkingCase(name, compute)),
  ];
}

/** The result is empty, or an error says so: no trap, and no stray numbers. */
function shrinkingCase(name: string, compute: () => tf.Tensor): ConformanceCase {
  return defineCase(`nothing left: ${name}`, async () => {
    try {
      const y = tf.tidy(compute);
      const { size } = y;
      y.dispose();
      if (size > 0 && tf.getBackend() !== "cpu") {
        throw new GmrError("invalid-data", `${name} should leave nothing, got [${y.shape}]`);
      }
    } catch (error) {
      if (!(error instanceof GmrError) || error.code !== "invalid-shape") throw error;
    }
  });
}
