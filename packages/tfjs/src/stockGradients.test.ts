import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { mendGradients } from "./gradients.ts";

beforeAll(async () => {
  await tf.setBackend("cpu");
  mendGradients();
});
beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

const noise = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, "float32", seed);

/** ⟨f(x), dy⟩ = ⟨x, fᵀ(dy)⟩ for a linear f. */
function expectAdjoint(f: (x: tf.Tensor) => tf.Tensor, shape: number[]): void {
  const x = noise(shape, 1);
  const y = f(x);
  const dy = noise(y.shape, 2);
  const dx = tf.grad(f)(x, dy);
  expect(dx.shape).toEqual(shape);
  const [left, right] = [y.mul(dy).sum(), dx.mul(x).sum()].map((sum) => sum.dataSync()[0]);
  expect(Math.abs(left - right)).toBeLessThan(1e-4 * Math.sqrt(dy.size));
}

const size = fc.integer({ min: 1, max: 9 });
const filter = fc.integer({ min: 1, max: 4 });

it("average pooling has its adjoint as gradient, padded or not", () => {
  fc.assert(
    fc.property(size, size, filter, filter, filter, filter, (h, w, fh, fw, sh, sw) => {
      expectAdjoint((x) => tf.avgPool(x as tf.Tensor4D, [fh, fw], [sh, sw], "same"), [2, h, w, 3]);
      expectAdjoint((x) => tf.avgPool(x as tf.Tensor4D, [fh, fw], [sh, sw], "valid"), [1, h + 4, w + 4, 2]);
    }),
    { numRuns: 60 },
  );
});

it("average pooling of volumes has its adjoint as gradient, padded or not", () => {
  fc.assert(
    fc.property(size, size, size, filter, filter, (d, h, w, f, s) => {
      const strides: [number, number, number] = [s, 1, s];
      expectAdjoint((x) => tf.avgPool3d(x as tf.Tensor5D, [f, 2, f], strides, "same"), [1, d, h, w, 2]);
      expectAdjoint((x) => tf.avgPool3d(x as tf.Tensor5D, f, strides, "valid"), [1, d + 4, h + 4, w + 4, 2]);
    }),
    { numRuns: 40 },
  );
});

it("resizing has its adjoint as gradient", () => {
  fc.assert(
    fc.property(size, size, size, size, fc.boolean(), (h, w, toH, toW, alignCorners) => {
      expectAdjoint((x) => tf.image.resizeBilinear(x as tf.Tensor4D, [toH, toW], alignCorners), [2, h, w, 3]);
      expectAdjoint((x) => tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [2 * h, 3 * w]), [2, h, w, 3]);
    }),
    { numRuns: 60 },
  );
});

it("conv3dTranspose has gradients", () => {
  const filters = noise([2, 3, 2, 4, 3], 3) as tf.Tensor5D;
  const transpose = (x: tf.Tensor, kernel: tf.Tensor) =>
    tf.conv3dTranspose(x as tf.Tensor5D, kernel as tf.Tensor5D, [2, 6, 5, 8, 4], [2, 1, 2], "valid");
  expectAdjoint((x) => transpose(x, filters), [2, 3, 3, 4, 3]);
  const x = noise([2, 3, 3, 4, 3], 4);
  expectAdjoint((kernel) => transpose(x, kernel), filters.shape);
});

it("the maximum of a numerically padded volume sends its gradient back to its position", () => {
  const x = tf.tensor(
    Array.from({ length: 60 }, (_, i) => ((i * 7919) % 60) - 30),
    [1, 3, 4, 5, 1],
    "float32",
  );
  const pool = (t: tf.Tensor) => tf.maxPool3d(t as tf.Tensor5D, [2, 3, 2], 1, 1);
  const [values, maxima] = [x, pool(x)].map((t) => Array.from(t.dataSync()));
  const expected = values.map((value) => maxima.filter((maximum) => maximum === value).length);
  expect(
    Array.from(
      tf
        .grad((t) => pool(t).sum())(x)
        .dataSync(),
    ),
  ).toEqual(expected);
});
