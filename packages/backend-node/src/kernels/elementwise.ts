import { AddRelu, LeakyReluGrad, ReluGrad } from "@gmr-conv/tfjs";
import { nativeKernel } from "../state.ts";

export const elementwiseKernels = [
  nativeKernel(AddRelu, (ops, { a, b }) =>
    ops.unary("Relu", ops.binary("AddV2", ops.input(a), ops.input(b))),
  ),
  nativeKernel(ReluGrad, (ops, { dy, y }) => ops.binary("ReluGrad", ops.input(dy), ops.input(y))),
  nativeKernel(LeakyReluGrad, (ops, { dy, x }, { alpha }) => {
    const inputs = [ops.input(dy).id, ops.input(x).id];
    return ops.run("LeakyReluGrad", [ops.float("alpha", alpha)], inputs)[0];
  }),
];
