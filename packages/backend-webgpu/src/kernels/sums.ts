// Sums of many numbers: a thread adds some, the next pass adds the sums. That keeps threads busy and rounding small. The
// stock kernels of Sum and Mean leave thousands of numbers to each thread, and fail where they would need more workgroups
// than a device allows.

import { product } from "@gmr-conv/core";
import { type Reduction, type ReductionStep, reductionKernels } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { backendOf } from "../backend.ts";
import { elements, makeTensor, run, type Shader } from "../program.ts";

/** Numbers that a thread adds up where they are given, as the first step of sums. */
export const CHUNK = 32;
/** Numbers that a thread adds up here: with 16, sums of equal numbers are right to 6e-7 at any size. */
const TERMS = 16;

/** Numbers in a row up to which the stock kernels, which take one pass, are as exact. */
const SMALL = 4096;

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

/** `scale` times the sums over the middle axis of x, which stays. */
export function sumAxis(
  backend: WebGPUBackend,
  x: tf.TensorInfo,
  { outer, length, inner }: ReductionStep,
  scale = 1,
): tf.TensorInfo {
  let sums = x;
  for (let left = length, chunks = 0; chunks !== 1; left = chunks) {
    chunks = Math.max(1, Math.ceil(left / TERMS));
    const total = outer * chunks * inner;
    const next = makeTensor(backend, [total]);
    const fScale = chunks === 1 ? scale : 1;
    run(backend, SUM_AXIS, [sums], { total, length: left, inner, chunks, fScale }, total, next);
    if (sums !== x) backend.disposeData(sums.dataId);
    sums = next;
  }
  return sums;
}

function reduce(
  x: tf.TensorInfo,
  { steps, scale, outShape }: Reduction,
  stockBackend: object,
): tf.TensorInfo | undefined {
  if (elements(x) === 0) {
    // Zeros; means of nothing are NaN.
    const values = new Float32Array(product(outShape)).fill(scale === Infinity ? NaN : 0);
    return backendOf(stockBackend).makeTensorInfo(outShape, "float32", values);
  }
  const [{ length, inner }] = steps;
  if (steps.length === 1 && inner === 1 && length <= SMALL) return undefined;
  const backend = backendOf(stockBackend);
  let sums = x;
  steps.forEach((step, i) => {
    const next = sumAxis(backend, sums, step, i === steps.length - 1 ? scale : 1);
    if (i > 0) backend.disposeData(sums.dataId);
    sums = next;
  });
  return { ...sums, shape: outShape };
}

export const sumKernels = reductionKernels("webgpu", reduce);
