import { useWasm } from "@gmr-conv/backend-wasm";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import { clipByGlobalNorm } from "./clipGradients.ts";

/** Smaller numbers have squares that are 0 in float32. */
const UNDERFLOW = 1e-18;

describe.each(["wasm", "cpu"])("clipByGlobalNorm on %s", (backend) => {
  beforeAll(async () => {
    if (backend === "wasm") await useWasm();
    else await tf.setBackend(backend);
  });

  function clipped(a: number[], b: number[], maxNorm: number): { a: number[]; b: number[]; norm: number } {
    const before = tf.memory().numTensors;
    const result = tf.tidy(() => {
      const { grads, norm } = clipByGlobalNorm({ a: tf.tensor2d([a]), b: tf.tensor1d(b) }, maxNorm);
      expect([grads.a.shape, grads.b.shape, norm.shape]).toEqual([[1, a.length], [b.length], []]);
      return [grads.a, grads.b, norm].map((tensor) => Array.from(tensor.dataSync()));
    });
    expect(tf.memory().numTensors).toBe(before);
    return { a: result[0], b: result[1], norm: result[2][0] };
  }

  it("scales all gradients by the same factor, never up", () => {
    const numbers = fc.array(fc.float({ min: -100, max: 100, noNaN: true }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(numbers, numbers, fc.double({ min: 0.01, max: 200, noNaN: true }), (a, b, maxNorm) => {
        const norm = Math.hypot(...a, ...b);
        const result = clipped(a, b, maxNorm);
        expect(Math.abs(result.norm - norm)).toBeLessThanOrEqual(1e-5 * norm + UNDERFLOW);
        const factor = Math.min(1, maxNorm / norm);
        [...result.a, ...result.b].forEach((value, i) => {
          expect(Math.abs(value - [...a, ...b][i] * factor)).toBeLessThanOrEqual(
            1e-5 * norm * factor + UNDERFLOW,
          );
        });
      }),
      { numRuns: 50 },
    );
  });

  it("leaves small gradients, and zeros, as they are", () => {
    expect(clipped([3, 4], [0], 5)).toEqual({ a: [3, 4], b: [0], norm: 5 });
    expect(clipped([0], [0], 5)).toEqual({ a: [0], b: [0], norm: 0 });
  });

  it.each([
    ["NaN", Number.NaN, Number.NaN],
    ["infinity", Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
    ["squares that overflow", 1e30, Number.POSITIVE_INFINITY],
  ])("turns all gradients into zeros, and shows it in the norm: %s", (_name, value, norm) => {
    expect(clipped([value, 1], [2], 1)).toEqual({ a: [0, 0], b: [0], norm });
  });

  it("rejects invalid arguments", async () => {
    const message = "maxNorm must be a positive number, got 0";
    await expectGmrError(() => clipped([1], [1], 0), "invalid-argument", message);
    const none = "there are no gradients to clip, got {}";
    await expectGmrError(() => clipByGlobalNorm({}, 1), "invalid-argument", none);
  });
});
