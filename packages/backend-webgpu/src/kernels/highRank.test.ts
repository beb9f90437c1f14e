// Stock kernels on more axes than they support, against the CPU backend.

import { maxRelativeError } from "@gmr-conv/core/equivariance";
import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { isWebGpuMissing } from "../../testing/webGpu.ts";

const missing = await isWebGpuMissing();

const random = (shape: number[], seed: number): tf.Tensor => tf.randomNormal(shape, 0, 1, "float32", seed);
const x = (): tf.Tensor => random([2, 3, 4, 5, 2], 1);

const OPS: [string, () => tf.Tensor][] = [
  ["add, same shape", () => x().add(random([2, 3, 4, 5, 2], 2))],
  ["mul by a number per channel", () => x().mul(random([2], 2))],
  ["sub with both broadcast", () => random([2, 1, 4, 1, 2], 1).sub(random([1, 3, 1, 5, 1], 2))],
  ["div of six axes", () => random([2, 1, 3, 1, 2, 2], 1).div(random([2, 2, 1, 1, 2, 1], 2).exp())],
  ["prelu with shared axes", () => tf.prelu(x(), random([2], 2))],
  ["tile", () => x().tile([1, 2, 1, 1, 3])],
  ["broadcast", () => random([2, 1, 4, 1, 2], 1).broadcastTo([2, 3, 4, 5, 2])],
  ["atan2", () => tf.atan2(x(), random([3, 1, 1, 2], 2))],
  ["maximum", () => x().maximum(random([3, 4, 5, 2], 2))],
  [
    "greater",
    () =>
      x()
        .greater(random([5, 1], 2))
        .toFloat(),
  ],
  ["where", () => tf.where(x().greater(0), x(), random([2, 3, 4, 5, 2], 3))],
  [
    "pad",
    () =>
      x().pad(
        [
          [0, 0],
          [1, 2],
          [0, 1],
          [2, 0],
          [0, 0],
        ],
        3,
      ),
  ],
  [
    "mirrorPad",
    () =>
      tf.mirrorPad(
        x(),
        [
          [0, 0],
          [1, 2],
          [0, 1],
          [2, 0],
          [0, 0],
        ],
        "reflect",
      ),
  ],
  ["reverse", () => x().reverse([1, 3])],
  [
    "pad by nothing",
    () =>
      x().pad([
        [0, 0],
        [0, 0],
        [0, 0],
        [0, 0],
        [0, 0],
      ]),
  ],
];

describe.skipIf(missing)("tensors of five axes and more", () => {
  it.each(OPS)("%s", async (_, compute) => {
    const results: { shape: number[]; data: ArrayLike<number> }[] = [];
    for (const backend of ["cpu", "webgpu"]) {
      await tf.setBackend(backend);
      const { numTensors, numDataBuffers } = tf.memory();
      const y = tf.tidy(compute);
      results.push({ shape: y.shape, data: await y.data() });
      y.dispose();
      expect(tf.memory()).toMatchObject({ numTensors, numDataBuffers });
    }
    const [expected, actual] = results;
    expect(actual.shape).toEqual(expected.shape);
    expect(maxRelativeError(actual.data, expected.data)).toBeLessThan(1e-6);
  });
});
