// The end of a residual block, and its gradient.

import { AddRelu, ReluGrad } from "@gmr-conv/tfjs";
import { example } from "./state.js";

export const elementwiseKernels = [
  example.kernel(AddRelu, ({ a, b }, _attrs, state) => {
    const [left, right] = [state.values(a), state.values(b)];
    // Math.max keeps NaN, which training looks for.
    return state.output(
      a.shape,
      left.map((value, i) => Math.max(value + right[i], 0)),
    );
  }),

  example.kernel(ReluGrad, ({ dy, y }, _attrs, state) => {
    const outputs = state.values(y);
    return state.output(
      y.shape,
      state.values(dy).map((value, i) => (outputs[i] > 0 ? value : 0)),
    );
  }),
];
