// A tensor in memory, and the types of its elements.

import { product, typeName } from "@gmr-conv/core";

/** The element types whose values are JavaScript numbers. */
export type NumberData =
  | Float64Array
  | Float32Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint32Array
  | Uint16Array
  | Uint8Array;

/** The element types that this package reads and writes. */
export type TensorData = NumberData | BigInt64Array | BigUint64Array;

export interface StoredTensor {
  shape: number[];
  /** [Πshape], row-major. */
  data: TensorData;
  /** Whether `data`, a Uint8Array, holds booleans (0 or 1) rather than numbers. */
  bool?: boolean | undefined;
}

/** The elements of a tensor rounded to float32; the tensor's own array if it is float32. */
export function toFloat32({ data }: StoredTensor): Float32Array {
  return typeName(data) === "Float32Array"
    ? (data as Float32Array)
    : Float32Array.from<number | bigint>(data, Number);
}

/** The number of elements of a shape; inexact beyond 2^53, but never too small. */
export function elementCount(shape: readonly number[]): number {
  return shape.includes(0) ? 0 : product(shape);
}

/** Whether a value is a list of sizes: integers of at least 0. */
export function isShape(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}
