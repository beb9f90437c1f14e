// Matrix products against the CPU backend: those of our kernel on software adapters, and those left to the stock
// kernel.

import { maxRelativeError } from "@gmr-conv/core/equivariance";
import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { isWebGpuMissing } from "../../testing/webGpu.ts";

const missing = await isWebGpuMissing();

const CASES: [a: number[], b: number[], transposeA: boolean, transposeB: boolean][] = [
  [[3, 4], [4, 5], false, false],
  [[4, 3], [4, 5], true, false],
  [[3, 4], [5, 4], false, true],
  [[9, 17], [33, 9], true, true],
  [[2, 3, 4], [2, 4, 5], false, false],
  [[1, 3, 4], [6, 4, 5], false, false],
  [[6, 3, 4], [1, 4, 5], false, false],
  [[2, 3, 4], [1, 1, 4, 5], false, false],
  [[1, 1, 1, 3, 4], [2, 4, 5], false, false],
];

async function on(
  backend: string,
  compute: () => tf.Tensor,
): Promise<{ shape: number[]; data: Float32Array }> {
  await tf.setBackend(backend);
  const y = tf.tidy(compute);
  const data = await y.data<"float32">();
  y.dispose();
  return { shape: y.shape, data };
}

describe.skipIf(missing)("matMul", () => {
  it.each(CASES)("[%s] · [%s], transposed %s and %s", async (a, b, transposeA, transposeB) => {
    const compute = (): tf.Tensor =>
      tf.matMul(
        tf.randomNormal(a, 0, 1, "float32", 1),
        tf.randomNormal(b, 0, 1, "float32", 2),
        transposeA,
        transposeB,
      );
    const [expected, actual] = [await on("cpu", compute), await on("webgpu", compute)];
    expect(actual.shape).toEqual(expected.shape);
    expect(maxRelativeError(actual.data, expected.data)).toBeLessThan(1e-5);
  });

  it("refuses matrices that do not fit, as the stock kernel does", () => {
    expect(() => tf.tidy(() => tf.matMul(tf.ones([2, 3]), tf.ones([4, 5])))).toThrow(/inner shapes \(3\)/);
  });
});
