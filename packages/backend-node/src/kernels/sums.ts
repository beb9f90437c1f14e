// Sums and means on the CPU, of many numbers in groups: by a kernel in `native/`, else see sumRows.ts.

import { product } from "@gmr-conv/core";
import { reductionKernels } from "@gmr-conv/tfjs";
import { bitsOf, Kind } from "../native/plan.ts";
import { node, runNativeSingle } from "../state.ts";
import { GROUP, sumAxis } from "../sumRows.ts";

export const sumKernels = reductionKernels(node, (x, { steps, scale, outShape }, state) => {
  if (state.hasKernels && product(x.shape) > 0) {
    return runNativeSingle(state, (ops) => {
      const y = steps.reduce((from, { outer, length, inner }, step) => {
        const plan = [outer, length, inner, bitsOf(step === steps.length - 1 ? scale : 1)];
        return ops.kernel(Kind.Sum, [from], [[outer, inner]], plan)[0];
      }, ops.input(x));
      return ops.reshape(y, outShape);
    });
  }
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
