import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { useWasm } from "../index.ts";

beforeAll(() => useWasm());
beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

const shape = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 });

it("split undoes concat, along every axis of one to five", () => {
  fc.assert(
    fc.property(
      shape,
      fc.nat(4),
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
      (sizes, a, parts) => {
        const axis = a % sizes.length;
        const pieces = parts.map((n, i) =>
          tf.randomNormal(
            sizes.map((size, other) => (other === axis ? n : size)),
            0,
            1,
            "float32",
            i + 1,
          ),
        );
        const split = tf.split(tf.concat(pieces, axis), parts, axis);
        expect(split.map((part) => part.shape)).toEqual(pieces.map((piece) => piece.shape));
        split.forEach((part, i) => {
          expect(part.dataSync()).toEqual(pieces[i].dataSync());
        });
      },
    ),
    { numRuns: 100 },
  );
});

it("split leaves other dtypes to the stock kernel", () => {
  const [a, b] = tf.split(
    tf.tensor2d(
      [
        [1, 2],
        [3, 4],
      ],
      [2, 2],
      "int32",
    ),
    2,
    1,
  );
  expect([a.dtype, ...a.dataSync(), ...b.dataSync()]).toEqual(["int32", 1, 3, 2, 4]);
});

it("sums over any axes match plain loops", () => {
  fc.assert(
    fc.property(shape, fc.nat(31), fc.boolean(), (sizes, bits, keepDims) => {
      const axes = sizes.map((_, axis) => axis).filter((axis) => (bits >> axis) & 1);
      const x = tf.randomNormal(sizes, 0, 1, "float32", 1);
      const y = tf.sum(x, axes, keepDims);
      const expected = new Map<string, number>();
      x.dataSync().forEach((value, i) => {
        let rest = i;
        const index = sizes.map(() => 0);
        for (let axis = sizes.length - 1; axis >= 0; axis--) {
          index[axis] = rest % sizes[axis];
          rest = Math.floor(rest / sizes[axis]);
        }
        const key = index.filter((_, axis) => !axes.includes(axis)).join();
        expected.set(key, (expected.get(key) ?? 0) + value);
      });
      expect(y.shape).toEqual(
        keepDims
          ? sizes.map((size, axis) => (axes.includes(axis) ? 1 : size))
          : sizes.filter((_, axis) => !axes.includes(axis)),
      );
      const numbers = y.dataSync();
      [...expected.values()].forEach((value, i) => {
        expect(Math.abs(numbers[i] - value)).toBeLessThan(1e-4);
      });
    }),
    { numRuns: 150 },
  );
});

it("long sums keep their precision", () => {
  const y = tf.sum(tf.fill([300_000, 5], 0.1), 0);
  for (const value of y.dataSync()) expect(Math.abs(value / 30_000 - 1)).toBeLessThan(1e-5);
});
