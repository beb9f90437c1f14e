// Sums of many numbers: a thread adds a few, the next pass adds the sums. That keeps threads busy and rounding small.

import type { ReductionStep } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import type { Gpu } from "./gpu.ts";
import type { Shader } from "./shader.ts";

/** Numbers that a thread adds up where they are computed, before {@link sumAxis} adds these sums. */
export const CHUNK = 32;
/** Numbers that a thread adds up here: with 16, sums of equal numbers are right to 6e-7 at any size. */
const TERMS = 16;

/** Thread (o, chunk, i) adds every `chunks`-th number along the middle axis, so that neighbours read neighbours. */
const SUM_AXIS: Shader = {
  name: "sum-axis",
  inputs: { x: 1 },
  output: 1,
  uniforms: ["total", "length", "inner", "chunks", "fScale"],
  code: `
    fn main(index : i32) {
      if (index >= uniforms.total) { return; }
      let inner = uniforms.inner;
      let chunks = uniforms.chunks;
      let i = index % inner;
      let chunk = index / inner % chunks;
      let first = index / inner / chunks * uniforms.length;
      var sum = 0.0;
      for (var at = chunk; at < uniforms.length; at += chunks) { sum += x[(first + at) * inner + i]; }
      result[index] = sum * uniforms.fScale;
    }`,
};

/** `scale` times the sums over the middle axis of x, which is not disposed. */
export function sumAxis(
  gpu: Gpu,
  x: tf.TensorInfo,
  { outer, length, inner }: ReductionStep,
  scale = 1,
): tf.TensorInfo {
  let sums = x;
  for (let left = length, chunks = 0; chunks !== 1; left = chunks) {
    chunks = Math.max(1, Math.ceil(left / TERMS));
    const total = outer * chunks * inner;
    const next = gpu.tensor([total]);
    const fScale = chunks === 1 ? scale : 1;
    gpu.run(SUM_AXIS, [sums], { total, length: left, inner, chunks, fScale }, total, next);
    if (sums !== x) gpu.dispose(sums);
    sums = next;
  }
  return sums;
}
