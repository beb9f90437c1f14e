// The three convolutions of training, for rings and for dense kernels alike.

import { type Convolutions, type ConvShape, type ConvUse, gatherOf, keyOf } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import type { WasmState } from "../state.ts";
import { makePlan, type Plan } from "./plan.ts";

function planFor(state: WasmState, shape: ConvShape, use: ConvUse): Plan {
  return state.plans.get(keyOf(shape, use), () =>
    makePlan(gatherOf(shape, use), use === "filter" ? "filter" : "forward"),
  );
}

function multiply(
  state: WasmState,
  plan: Plan,
  source: tf.TensorInfo,
  weights: tf.TensorInfo,
  transposed: 0 | 1,
  resultShape: readonly number[],
): tf.TensorInfo {
  const result = state.output(resultShape);
  const threads = state.threadsFor(plan.multiplyAdds);
  const headers = state.place(plan, threads);
  const [from, matrices, to] = state.addresses(source, weights, result);
  state.split("packWeights", plan.panels, threads, (begin, end, t) => [
    headers[t],
    matrices,
    transposed,
    begin,
    end,
  ]);
  state.split("convolve", plan.units, threads, (begin, end, t) => [headers[t], from, to, begin, end]);
  return result;
}

export const convolutions: Convolutions<WasmState> = {
  forward: (state, shape, x, weights, yShape) =>
    multiply(state, planFor(state, shape, "forward"), x, weights, 0, yShape),

  inputGradient: (state, shape, dy, weights, dxShape) =>
    multiply(state, planFor(state, shape, "input"), dy, weights, 1, dxShape),

  filterGradient(state, shape, x, dy, dwShape) {
    const dw = state.output(dwShape);
    const plan = planFor(state, shape, "filter");
    if (plan.hasDeadMatrices) state.clear(dw);
    const threads = state.threadsFor(plan.multiplyAdds);
    const headers = state.place(plan, threads);
    const [from, gradient, to] = state.addresses(x, dy, dw);
    state.split("filterGradient", plan.units, threads, (begin, end, t) => [
      headers[t],
      from,
      gradient,
      begin,
      end,
    ]);
    state.split("filterFinish", plan.blocks, threads, (begin, end, t) => [headers[t], to, begin, end]);
    return dw;
  },
};
