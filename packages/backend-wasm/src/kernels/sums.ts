// Sums and means, in float64.

import { type Reduction, type ReductionStep, reductionKernels } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import { kernelsOf, type WasmKernels } from "../module.ts";

/** Columns of a unit of work, see assembly/reduce.ts. */
const COLUMNS = 8;

function sumAxis(
  kernels: WasmKernels,
  from: tf.TensorInfo,
  { outer, length, inner }: ReductionStep,
  scale: number,
  to: tf.TensorInfo,
): void {
  const [x, y] = [kernels.address(from), kernels.address(to)];
  const units = outer * Math.ceil(inner / COLUMNS);
  if (units === 0) return;
  kernels.split("sumAxis", units, kernels.threadsFor(outer * length * inner * 4), (begin, end) => [
    ...[x, y, length, inner, scale],
    begin,
    end,
  ]);
}

function reduce(x: tf.TensorInfo, { steps, scale, outShape }: Reduction, backend: object): tf.TensorInfo {
  const kernels = kernelsOf(backend);
  let sums = x;
  steps.forEach((step, i) => {
    const isLast = i === steps.length - 1;
    const next = kernels.output(isLast ? outShape : [step.outer, step.inner]);
    sumAxis(kernels, sums, step, isLast ? scale : 1, next);
    if (i > 0) kernels.release(sums);
    sums = next;
  });
  return sums;
}

export const sumKernels = reductionKernels("wasm", reduce);
