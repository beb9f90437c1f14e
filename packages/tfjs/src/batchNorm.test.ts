import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { batchNormTraining } from "./batchNorm.ts";

beforeAll(() => tf.setBackend("cpu"));
beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

/** What an untyped caller could pass. */
function normalise(...args: unknown[]): unknown {
  return Reflect.apply(batchNormTraining, undefined, args);
}

describe("rejects", () => {
  const ones = (...shape: number[]) => tf.ones(shape);
  it.each<[string, string, () => unknown[]]>([
    ["invalid-argument", "x must be a tensor [..., C], got [1, 2]", () => [[1, 2], ones(2), ones(2)]],
    ["invalid-shape", "x must have shape [..., C], got []", () => [tf.scalar(1), ones(1), ones(1)]],
    [
      "invalid-argument",
      "x must have dtype float32, got int32",
      () => [ones(4, 2).toInt(), ones(2), ones(2)],
    ],
    [
      "invalid-shape",
      "gamma must have shape [2] (one per channel), got [3]",
      () => [ones(4, 2), ones(3), ones(2)],
    ],
    [
      "invalid-argument",
      "gamma must be a tensor [2] (one per channel), got undefined",
      () => [ones(4, 2), undefined, ones(2)],
    ],
    [
      "invalid-shape",
      "beta must have shape [2] (one per channel), got [1,2]",
      () => [ones(4, 2), ones(2), ones(1, 2)],
    ],
    ["invalid-argument", "epsilon must be positive, got 0", () => [ones(4, 2), ones(2), ones(2), 0]],
    [
      "invalid-argument",
      "epsilon must be a finite number, got NaN",
      () => [ones(4, 2), ones(2), ones(2), Number.NaN],
    ],
  ])("%s: %s", (code, message, args) => expectGmrError(() => normalise(...args()), code, message));
});

it("agrees with the stock formulas, value and gradient", () => {
  const x = tf.randomNormal([4, 3, 5, 6], 2, 3, "float32", 1);
  const gamma = tf.randomUniform<tf.Rank.R1>([6], 0.5, 1.5, "float32", 2);
  const beta = tf.randomUniform<tf.Rank.R1>([6], -1, 1, "float32", 3);
  const stock = (...[input, scale, offset]: tf.Tensor[]) => {
    const { mean, variance } = tf.moments(input, [0, 1, 2]);
    return tf.batchNorm(
      input as tf.Tensor4D,
      mean as tf.Tensor1D,
      variance as tf.Tensor1D,
      offset as tf.Tensor1D,
      scale as tf.Tensor1D,
      1e-3,
    );
  };
  const ours = (...[input, scale, offset]: tf.Tensor[]) =>
    batchNormTraining(input, scale as tf.Tensor1D, offset as tf.Tensor1D, 1e-3).y;
  expectClose(ours(x, gamma, beta), stock(x, gamma, beta));
  const dy = tf.randomNormal(x.shape, 0, 1, "float32", 4);
  const expected = tf.grads(stock)([x, gamma, beta], dy);
  tf.grads(ours)([x, gamma, beta], dy).forEach((gradient, i) => {
    expectClose(gradient, expected[i]);
  });
});

it("treats mean and variance as constants", () => {
  const x = tf.randomNormal([8, 3], 0, 1, "float32", 1);
  const statistics = (input: tf.Tensor) => {
    const { mean, variance } = batchNormTraining(input, tf.ones([3]), tf.zeros([3]));
    return mean.add(variance);
  };
  expect(Array.from(tf.grad(statistics)(x).dataSync())).toEqual(new Array(24).fill(0));
});

function expectClose(actual: tf.Tensor, expected: tf.Tensor): void {
  const difference = tf.tidy(() => actual.sub(expected).abs().max().div(expected.abs().max()).dataSync()[0]);
  expect(difference).toBeLessThan(1e-5);
}
