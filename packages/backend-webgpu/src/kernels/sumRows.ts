// Sums of many numbers: a thread adds some, the next pass adds the sums. That keeps threads busy and rounding small.

import type * as tf from "@tensorflow/tfjs";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { makeTensor, run, type Shader } from "../program.ts";

/** Numbers that a thread adds up. */
export const CHUNK = 64;

const SUM_ROWS: Shader = {
  name: "sum-rows",
  inputs: { x: 1 },
  output: 1,
  uniforms: ["total", "rows", "columns"],
  code: `
    fn main(index : i32) {
      if (index >= uniforms.total) { return; }
      let columns = uniforms.columns;
      let first = index / columns * ${CHUNK};
      let end = min(first + ${CHUNK}, uniforms.rows);
      var sum = 0.0;
      for (var row = first; row < end; row++) { sum += x[row * columns + index % columns]; }
      result[index] = sum;
    }`,
};

/** The sums [columns] over the rows of x [rows, columns], which is disposed. */
export function sumRows(
  backend: WebGPUBackend,
  x: tf.TensorInfo,
  rows: number,
  columns: number,
): tf.TensorInfo {
  let sums = x;
  for (let left = rows; left > 1; left = Math.ceil(left / CHUNK)) {
    const total = Math.ceil(left / CHUNK) * columns;
    const next = makeTensor(backend, [total]);
    run(backend, SUM_ROWS, [sums], { total, rows: left, columns }, total, next);
    backend.disposeData(sums.dataId);
    sums = next;
  }
  return sums;
}
