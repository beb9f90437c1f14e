// Comparing a backend's tensors with the float64 reference.

import { describeValue, GmrError } from "@gmr-conv/core";
import { maxRelativeError } from "@gmr-conv/core/equivariance";
import * as tf from "@tensorflow/tfjs";

/**
 * The largest error that a backend may make, as a share of the expected tensor's largest absolute value:
 *
 * - `output`: outputs, mixed weights and folded kernels;
 * - `sum`: sums and means of equal numbers, however many;
 * - `gradient`: gradients of x and of every parameter;
 * - `symmetry`: f(g x) against g f(x) for the eight symmetries g of the square.
 */
export const TOLERANCES = { output: 1e-5, sum: 1e-6, gradient: 1e-4, symmetry: 1e-6 } as const;

export type ResultKind = keyof typeof TOLERANCES;

/** What a tensor should equal. */
export interface Expected {
  data: ArrayLike<number>;
  shape: readonly number[];
  /**
   * The typical size of a sum of this many terms of random sign. The error is relative to it if the largest value
   * happens to be smaller: where terms cancel, a tensor of few numbers may hold only rounding.
   */
  typical?: number;
}

/**
 * Checks a tensor against what is expected, within the tolerance of its kind.
 * @param what names the tensor in the error
 * @throws GmrError `invalid-shape` or `invalid-data`, naming what differs, by how much, and the tolerance
 */
export async function checkClose(
  what: string,
  kind: ResultKind,
  actual: tf.Tensor,
  expected: Expected,
): Promise<void> {
  if (actual.shape.join() !== expected.shape.join()) {
    throw new GmrError(
      "invalid-shape",
      `${what} should have shape ${describeValue(expected.shape)}, got ${describeValue(actual.shape)} ${onBackend()}`,
    );
  }
  const data = await actual.data<"float32">();
  const error = maxRelativeError(data, expected.data);
  const largest = Array.from(expected.data).reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  const scale = Math.max(1, (expected.typical ?? 0) / (largest || 1));
  checkError(`${what}${worstEntry(data, expected)}`, kind, error / scale);
}

/** What is expected, as a tensor. */
export function toTensor({ data, shape }: Expected): tf.Tensor {
  return tf.tensor(Float32Array.from(data), [...shape], "float32");
}

/** {@link checkClose} on a tensor that is then disposed of. */
export async function checkAndDispose(
  what: string,
  kind: ResultKind,
  actual: tf.Tensor,
  expected: Expected,
): Promise<void> {
  await checkClose(what, kind, actual, expected);
  actual.dispose();
}

/** Checks a relative error against the tolerance of its kind; NaN fails. */
export function checkError(what: string, kind: ResultKind, error: number): void {
  if (error <= TOLERANCES[kind]) return;
  throw new GmrError(
    "invalid-data",
    `${what} is off by ${error.toExponential(1)} of the largest value ${onBackend()}, ` +
      `the tolerance is ${TOLERANCES[kind].toExponential()}`,
  );
}

/** Checks a count, such as that of live tensors. */
export function checkCount(what: string, actual: number, expected: number): void {
  if (actual === expected) return;
  throw new GmrError("invalid-data", `${what} should be ${expected}, got ${actual} ${onBackend()}`);
}

function onBackend(): string {
  return `on backend "${tf.getBackend()}"`;
}

/** Index and values of the entry with the largest error. */
function worstEntry(actual: ArrayLike<number>, { data, shape }: Expected): string {
  let worst = 0;
  let largest = -1;
  for (let i = 0; i < data.length; i++) {
    const difference = Math.abs(actual[i] - data[i]);
    if (Number.isNaN(difference) || difference > largest) [worst, largest] = [i, difference];
    if (Number.isNaN(difference)) break;
  }
  const index: number[] = [];
  for (let axis = shape.length - 1, rest = worst; axis >= 0; axis--) {
    index.unshift(rest % shape[axis]);
    rest = Math.floor(rest / shape[axis]);
  }
  return ` (at [${index}]: ${actual[worst]} instead of ${data[worst]})`;
}
