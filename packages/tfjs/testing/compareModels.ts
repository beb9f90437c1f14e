import * as tf from "@tensorflow/tfjs";
import { expect } from "vitest";

/** The same numbers every time. */
export function noise(shape: number[], seed: number): tf.Tensor {
  return tf.randomNormal(shape, 0, 1, "float32", seed);
}

/** The outputs of a model, each as a plain array. */
export function outputsOf(model: tf.LayersModel, x: tf.Tensor | tf.Tensor[]): tf.Tensor[] {
  const y = model.predict(x);
  return Array.isArray(y) ? y : [y];
}

/** Expects equal shapes, and values within `tolerance` of each other, relative to the largest (at least 0.1). */
export function expectClose(actual: tf.Tensor, expected: tf.Tensor, tolerance = 1e-5): void {
  expect(actual.shape).toEqual(expected.shape);
  const [error, size] = [actual.sub(expected), expected].map((t) => t.abs().max().dataSync()[0]);
  expect(error).toBeLessThanOrEqual(tolerance * Math.max(size, 0.1));
}

/** Expects two models to have the same outputs. */
export function expectSameOutputs(
  actual: tf.LayersModel,
  expected: tf.LayersModel,
  x: tf.Tensor | tf.Tensor[],
  tolerance?: number,
): void {
  tf.tidy(() => {
    const wanted = outputsOf(expected, x);
    const got = outputsOf(actual, x);
    expect(got.length).toBe(wanted.length);
    got.forEach((y, i) => {
      expectClose(y, wanted[i], tolerance);
    });
  });
}
