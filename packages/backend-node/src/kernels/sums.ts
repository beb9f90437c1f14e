// Sums and means of many numbers on the CPU, in groups: see sumRows.ts.

import { reductionKernels } from "@gmr-conv/tfjs";
import { node, runNativeSingle } from "../state.ts";
import { GROUP, sumAxis } from "../sumRows.ts";

export const sumKernels = reductionKernels(node, (x, { steps, scale, outShape }, state) => {
  if (state.backend.isUsingGpuDevice || steps.every(({ length }) => length <= GROUP)) return undefined;
  return runNativeSingle(state, (ops) => {
    let sums = ops.input(x);
    for (const { outer, length, inner } of steps) {
      sums = sumAxis(ops, ops.reshape(sums, [outer, length, inner]));
    }
    const y = ops.reshape(sums, outShape);
    return scale === 1 ? y : ops.binary("Mul", y, ops.scalar(scale));
  });
});
