// Sums and means, in float64.

import { type Reduction, type ReductionStep, reductionKernels } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import { type WasmState, wasm } from "../state.ts";

/** Columns per unit of work, see assembly/reduce.ts. */
const COLUMNS = 8;

function sumAxis(
  state: WasmState,
  from: tf.TensorInfo,
  { outer, length, inner }: ReductionStep,
  scale: number,
  to: tf.TensorInfo,
): void {
  const [x, y] = state.addresses(from, to);
  const units = outer * Math.ceil(inner / COLUMNS);
  if (units === 0) return;
  state.split("sumAxis", units, state.threadsFor(outer * length * inner * 4), (begin, end) => [
    x,
    y,
    length,
    inner,
    scale,
    begin,
    end,
  ]);
}

function reduce(x: tf.TensorInfo, { steps, scale, outShape }: Reduction, state: WasmState): tf.TensorInfo {
  let sums = x;
  steps.forEach((step, i) => {
    const isLast = i === steps.length - 1;
    const next = state.output(isLast ? outShape : [step.outer, step.inner]);
    sumAxis(state, sums, step, isLast ? scale : 1, next);
    if (i > 0) state.release(sums);
    sums = next;
  });
  return sums;
}

export const sumKernels = reductionKernels(wasm, reduce);
