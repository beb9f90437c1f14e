import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { gmrConv2d } from "./conv.ts";
import type { GmrConvOptions } from "./options.ts";

// The conformance suite checks the numbers; these tests cover errors and what the suite does not see.

beforeAll(() => tf.setBackend("cpu"));
beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

const x = (...shape: number[]) => tf.ones<tf.Rank.R4>(shape as [number, number, number, number]);
const weights = (...shape: number[]) => tf.ones<tf.Rank.R3>(shape as [number, number, number]);

/** What an untyped caller could pass. */
function convolve(...args: unknown[]): tf.Tensor {
  return Reflect.apply(gmrConv2d, undefined, args);
}

describe("rejects", () => {
  it.each<[string, string, () => unknown[]]>([
    [
      "invalid-argument",
      "x must be a tensor [N, H, W, Cin] or [H, W, Cin], got [1, 2]",
      () => [[1, 2], weights(2, 3, 4), { kernelSize: 3 }],
    ],
    [
      "invalid-shape",
      "x must have shape [N, H, W, Cin] or [H, W, Cin], got [5,3]",
      () => [x(5, 3), weights(2, 3, 4), { kernelSize: 3 }],
    ],
    [
      "invalid-argument",
      "x must have dtype float32, got int32",
      () => [x(1, 5, 5, 3).toInt(), weights(2, 3, 4), { kernelSize: 3 }],
    ],
    [
      "invalid-argument",
      "weights must be a tensor [R, Cin/groups, Cout], got undefined",
      () => [x(1, 5, 5, 3), undefined, { kernelSize: 3 }],
    ],
    [
      "invalid-shape",
      "weights must have shape [R, Cin/groups, Cout], got [2,3]",
      () => [x(1, 5, 5, 3), weights(2, 3), { kernelSize: 3 }],
    ],
    [
      "invalid-argument",
      "kernelSize must be given, got undefined",
      () => [x(1, 5, 5, 3), weights(2, 3, 4), {}],
    ],
    ["invalid-argument", "kernelSize must be given, got undefined", () => [x(1, 5, 5, 3), weights(2, 3, 4)]],
    [
      "invalid-shape",
      "weights [2,3,4] with 1 group(s) need x with 3 channels, got x [1,5,5,6]",
      () => [x(1, 5, 5, 6), weights(2, 3, 4), { kernelSize: 3 }],
    ],
    [
      "invalid-shape",
      "groups (2) must divide the 3 output channels",
      () => [x(1, 5, 5, 6), weights(2, 3, 3), { kernelSize: 3, groups: 2 }],
    ],
  ])("%s: %s", (code, message, args) => expectGmrError(() => convolve(...args()), code, message));

  it.each<[string, string, object]>([
    ["invalid-argument", "kernelSize must be an odd positive integer, got 4", { kernelSize: 4 }],
    ["invalid-argument", "kernelSize must be an odd positive integer, got NaN", { kernelSize: Number.NaN }],
    ["invalid-argument", "kernelSize[1] must be an odd positive integer, got 2", { kernelSize: [3, 2] }],
    ["invalid-shape", "kernelSize must have 2 entries, got [3, 3, 3]", { kernelSize: [3, 3, 3] }],
    ["invalid-argument", 'kernelSize must be an odd positive integer, got "3"', { kernelSize: "3" }],
    ["invalid-argument", "groups must be a positive integer, got 0", { groups: 0 }],
    ["invalid-argument", "groups must be a positive integer, got 1.5", { groups: 1.5 }],
    ["invalid-argument", "strides must be a positive integer, got 0", { strides: 0 }],
    ["invalid-argument", "strides[0] must be a positive integer, got NaN", { strides: [Number.NaN, 1] }],
    ["invalid-argument", "dilations must be a positive integer, got -1", { dilations: -1 }],
    ["invalid-argument", "pad must be an integer of at least 0, got -1", { pad: -1 }],
    ["invalid-argument", "pad must be an integer of at least 0, got NaN", { pad: Number.NaN }],
    [
      "invalid-argument",
      'pad must be "same", "valid", a number or one number per axis, got "full"',
      { pad: "full" },
    ],
    [
      "invalid-argument",
      'padMode must be one of zeros, reflect, replicate, circular, got "mirror"',
      { padMode: "mirror" },
    ],
    [
      "invalid-shape",
      'padMode "reflect" can pad at most 4 along axis 0 of size 5, got 5',
      { pad: 5, padMode: "reflect" },
    ],
    [
      "invalid-shape",
      "the output would have size -1 along axis 0: input 5, kernel extent 7, stride 1, padding [0, 0]",
      { dilations: 3 },
    ],
    ["invalid-argument", 'strategy must be one of "ring", "dense", "auto", got "fast"', { strategy: "fast" }],
    ["invalid-shape", "logSigmas must have shape [2] (one per ring), got [3]", { logSigmas: tf.zeros([3]) }],
    [
      "invalid-shape",
      "bias must have shape [4] (one per output channel), got [4,1]",
      { bias: tf.zeros([4, 1]) },
    ],
    ["invalid-argument", "bias must have dtype float32, got int32", { bias: tf.zeros([4], "int32") }],
    [
      "invalid-argument",
      "bias must be a tensor [4] (one per output channel), got [1, 2, 3, 4]",
      { bias: [1, 2, 3, 4] },
    ],
    [
      "invalid-shape",
      "masks must have shape [2,9] (rings, kernel positions), got [9,2]",
      { masks: tf.zeros([9, 2]) },
    ],
    [
      "unsupported",
      'masks need strategy "dense" or "auto", got "ring"',
      { masks: tf.zeros([2, 9]), strategy: "ring" },
    ],
    [
      "invalid-argument",
      'strategy must be one of "ring", "dense", "auto", got "fast"',
      { masks: tf.zeros([2, 9]), strategy: "fast" },
    ],
  ])("%s: %s", (code, message, options) =>
    expectGmrError(
      () => convolve(x(1, 5, 5, 3), weights(2, 3, 4), { kernelSize: 3, ...options }),
      code,
      message,
    ),
  );

  it("before any work, leaving no tensors behind", async () => {
    const [image, ringWeights] = [x(1, 5, 5, 3), weights(2, 3, 4)];
    const before = tf.memory().numTensors;
    expect(() => gmrConv2d(image, ringWeights, { kernelSize: 2 })).toThrow();
    expect(tf.memory().numTensors).toBe(before);
  });
});

it("takes variables that optimisers train", async () => {
  const ringWeights = tf.variable(weights(2, 1, 1).mul(0.1) as tf.Tensor3D);
  const image = x(1, 5, 5, 1);
  const optimizer = tf.train.sgd(0.01);
  const loss = () =>
    gmrConv2d(image, ringWeights, { kernelSize: 3, pad: "same" }).sub(1).square().mean<tf.Scalar>();
  const losses = [0, 1, 2].map(() => optimizer.minimize(loss, true)?.dataSync()[0] ?? Number.NaN);
  expect(losses[1]).toBeLessThan(losses[0]);
  expect(losses[2]).toBeLessThan(losses[1]);
  ringWeights.dispose();
  optimizer.dispose();
});

it("accepts an empty batch", () => {
  const options: GmrConvOptions = { kernelSize: 3, pad: "same" };
  for (const strategy of ["ring", "dense"] as const) {
    expect(gmrConv2d(x(0, 5, 6, 3), weights(2, 3, 4), { ...options, strategy }).shape).toEqual([0, 5, 6, 4]);
  }
});

it("folds channels by themselves into one stock depthwise convolution without the kernel", async () => {
  const { kernelNames } = await tf.profile(() =>
    convolve(x(1, 6, 6, 5), weights(2, 1, 5), { kernelSize: 3, groups: 5 }),
  );
  expect(kernelNames.filter((name) => /Conv|Split/.test(name))).toEqual(["DepthwiseConv2dNative"]);
});
