// Sums and means of many numbers on the CPU, in groups: see sumRows.ts.

import { type Reduction, reductionKernels } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import { nativeBackend } from "../nativeBackend.ts";
import { runNativeSingle } from "../nativeOps.ts";
import { GROUP, sumAxis } from "../sumRows.ts";

function reduce(
  x: tf.TensorInfo,
  { steps, scale, outShape }: Reduction,
  backend: object,
): tf.TensorInfo | undefined {
  if (nativeBackend(backend).isUsingGpuDevice || steps.every(({ length }) => length <= GROUP))
    return undefined;
  return runNativeSingle(backend, (ops) => {
    let sums = ops.input(x);
    for (const { outer, length, inner } of steps) {
      sums = sumAxis(ops, ops.reshape(sums, [outer, length, inner]));
    }
    const y = ops.reshape(sums, outShape);
    return scale === 1 ? y : ops.binary("Mul", y, ops.scalar(scale));
  });
}

export const sumKernels = reductionKernels("tensorflow", reduce);
