import { hasKernel, replaceKernels } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { HardSwish, hardSwish } from "./hardSwish.ts";
import { hardSwishKernel } from "./hardSwishKernel.ts";

const BETA = 0.25;
// No kinks, which lie at -2 and 2.
const X = [-30, -2.1, -1.9, -0.5, 0, 0.25, 1, 1.9, 2.1, 30];

const value = (x: number): number => x * Math.min(1, Math.max(0, BETA * x + 0.5));
/** The slope of f, by differences. */
const slopeOf =
  (f: (x: number) => number, h: number) =>
  (x: number): number =>
    (f(x + h) - f(x - h)) / (2 * h);

beforeAll(() => tf.setBackend("cpu"));
afterAll(() => tf.unregisterKernel(HardSwish.name, "cpu"));

function expectClose(actual: tf.Tensor, expected: readonly number[], digits: number): void {
  actual.dataSync().forEach((number, i) => {
    expect(number).toBeCloseTo(expected[i], digits);
  });
}

describe.each(["composed of stock ops", "by its kernel"])("hardSwish, %s", (how) => {
  beforeAll(() => {
    if (how === "by its kernel") replaceKernels([hardSwishKernel]);
    expect(hasKernel(HardSwish)).toBe(how === "by its kernel");
  });

  it("and its gradients are those of the formula, and nothing leaks", () => {
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      const x = tf.tensor1d(X);
      const f = (a: tf.Tensor): tf.Tensor => hardSwish(a, BETA);
      const first = tf.grad(f);
      expectClose(f(x), X.map(value), 5);
      expectClose(first(x), X.map(slopeOf(value, 1e-6)), 5);
      expectClose(tf.grad((a) => first(a))(x), X.map(slopeOf(slopeOf(value, 1e-4), 1e-4)), 4);
    });
    expect(tf.memory().numTensors).toBe(before);
  });

  it("refuses integers", () =>
    expectGmrError(
      () => hardSwish(tf.tensor1d([1, 2], "int32")),
      "invalid-argument",
      "x must have dtype float32, got int32",
    ));
});

it("checks what its kernel is called with", () =>
  expectGmrError(
    () => tf.engine().runKernel(HardSwish.name, { x: tf.tensor1d([1], "int32") }, { beta: 1 }),
    "invalid-argument",
    "x must have dtype float32, got int32",
  ));
