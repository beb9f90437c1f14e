import { expect } from "vitest";
import type { Random } from "../src/random.ts";

/** `count` normally distributed numbers. */
export function normals(random: Random, count: number): Float64Array {
  return Float64Array.from({ length: count }, () => random.normal());
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** Expects numbers that agree up to float64 rounding of sums of products of order one. */
export function expectNear(actual: number, expected: number, tolerance = 1e-9): void {
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(expected)));
}

export function expectAllNear(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance = 1e-9,
): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) expectNear(actual[i], expected[i], tolerance);
}

/** The derivative of `f` at `values` along entry `index`, by central differences. */
export function finiteDifference(
  f: (values: Float64Array) => number,
  values: ArrayLike<number>,
  index: number,
  step = 1e-5,
): number {
  const [up, down] = [Float64Array.from(values), Float64Array.from(values)];
  up[index] += step;
  down[index] -= step;
  return (f(up) - f(down)) / (2 * step);
}
