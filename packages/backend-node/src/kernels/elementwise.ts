import { product } from "@gmr-conv/core";
import { AddRelu, LeakyReluGrad, ReluGrad } from "@gmr-conv/tfjs";
import { bitsOf, Kind } from "../native/plan.ts";
import type { Native, NativeOps } from "../nativeOps.ts";
import { nativeKernel } from "../state.ts";

/** dy where y is positive, else slope · dy. */
function reluGradient(ops: NativeOps, dy: Native, y: Native, slope: number): Native {
  return ops.kernel(Kind.ReluGradient, [dy, y], [dy.shape], [product(dy.shape), bitsOf(slope)])[0];
}

export const elementwiseKernels = [
  nativeKernel(AddRelu, (ops, inputs, _attrs, { hasKernels }) => {
    const [a, b] = [ops.input(inputs.a), ops.input(inputs.b)];
    if (hasKernels) return ops.kernel(Kind.AddRelu, [a, b], [a.shape], [product(a.shape)]);
    return ops.unary("Relu", ops.binary("AddV2", a, b));
  }),
  nativeKernel(ReluGrad, (ops, { dy, y }, _attrs, { hasKernels }) => {
    const inputs = [ops.input(dy), ops.input(y)] as const;
    return hasKernels ? reluGradient(ops, ...inputs, 0) : ops.binary("ReluGrad", ...inputs);
  }),
  nativeKernel(LeakyReluGrad, (ops, { dy, x }, { alpha }, { hasKernels }) => {
    const inputs = [ops.input(dy), ops.input(x)] as const;
    if (hasKernels) return reluGradient(ops, ...inputs, alpha);
    return ops.run(
      "LeakyReluGrad",
      [ops.float("alpha", alpha)],
      inputs.map(({ id }) => id),
    )[0];
  }),
];
