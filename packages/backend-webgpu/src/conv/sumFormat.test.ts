// Sums kept as f16: less exact, but nothing else.

import { maxRelativeError } from "@gmr-conv/core/equivariance";
import { gmrConv2d } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import { activeState, isWebGpuMissing } from "../../testing/webGpu.ts";
import { createWebGpuBackend, useWebGpu } from "../index.ts";
import type { Variant } from "./variants.ts";

const missing = await isWebGpuMissing();

const SHAPES: [x: tf.Tensor4D["shape"], filters: number, kernelSize: number, strides: number][] = [
  [[2, 9, 7, 5], 6, 5, 1],
  [[1, 12, 12, 16], 12, 9, 1],
  [[2, 8, 8, 3], 7, 3, 2],
];

/** The output and all gradients. */
async function compute([shape, filters, kernelSize, strides]: (typeof SHAPES)[number]): Promise<number[][]> {
  const tensors = tf.tidy(() => {
    const x = tf.randomNormal(shape, 0, 1, "float32", 1);
    const weights = tf.randomNormal([(kernelSize + 1) / 2, shape[3], filters], 0, 1, "float32", 2);
    const layer = (a: tf.Tensor, w: tf.Tensor) =>
      gmrConv2d(a as tf.Tensor4D, w as tf.Tensor3D, { kernelSize, strides, pad: "same", strategy: "ring" });
    const { value, grads } = tf.valueAndGrads(layer)([x, weights]);
    return [value, ...grads];
  });
  const numbers = await Promise.all(tensors.map(async (tensor) => Array.from(await tensor.data())));
  tf.dispose(tensors);
  return numbers;
}

describe.skipIf(missing)("sums as f16", () => {
  const cases: [Variant, typeof SHAPES][] = [
    ["direct", SHAPES],
    ["tiled32", SHAPES.slice(0, 1)],
    ["tiled64", SHAPES.slice(0, 1)],
    ["subgroups", SHAPES.slice(1, 2)],
  ];
  for (const [variant, shapes] of cases) {
    it.each(shapes)(`by ${variant}, x [%s], %i filters, kernel %i, strides %i`, async (...shape) => {
      const results: number[][][] = [];
      for (const sums of ["f32", "f16"] as const) {
        tf.removeBackend("webgpu");
        await useWebGpu({ sums });
        activeState().variants.forced = variant;
        results.push(await compute(shape));
      }
      const [exact, half] = results;
      const errors = half.map((numbers, i) => maxRelativeError(numbers, exact[i]));
      for (const error of errors) expect(error).toBeLessThan(5e-4);
      // If it were 0, the sums would not have been f16 at all.
      expect(errors[0]).toBeGreaterThan(1e-6);
    });
  }

  it("cannot be kept in another format", async () => {
    const message = 'sums must be "f32" or "f16", got "f8"';
    await expectGmrError(() => createWebGpuBackend({ sums: "f8" as "f16" }), "invalid-argument", message);
  });
});
