import { scalePositions } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import { useWasm } from "../index.ts";

beforeAll(() => useWasm());

describe("ScaleRows", () => {
  it.each([
    [3, 5, 7, 1],
    [2, 4, 4, 3],
    [1, 6, 2, 16],
    [8, 32, 32, 24],
  ])("is a product with broadcasting, with its gradient: %i × %i × %i × %i", (n, h, w, c) => {
    const x = tf.randomNormal<tf.Rank.R4>([n, h, w, c], 0, 1, "float32", 1);
    const scale = Float32Array.from({ length: h * w }, (_, i) => Math.sin(i));
    const factor = tf.tensor(scale, [1, h, w, 1]);
    const dy = tf.randomNormal<tf.Rank.R4>([n, h, w, c], 0, 1, "float32", 2);
    expect(scalePositions(x, scale).dataSync()).toEqual(x.mul(factor).dataSync());
    const gradient = tf.grad((v) => scalePositions(v, scale))(x, dy);
    expect(gradient.dataSync()).toEqual(dy.mul(factor).dataSync());
  });

  it("refuses a scale of another size", async () => {
    const x = tf.zeros([2, 3, 3, 1]);
    await expectGmrError(
      () => scalePositions(x, new Float32Array(8)),
      "invalid-shape",
      "scale must hold 9 numbers, one per position of x [2,3,3,1], got 8",
    );
  });
});
