// Ring convolutions of each channel by itself, as in training.

import { type Convolutions, type ConvShape, type ConvUse, gatherOf, keyOf } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import type { WasmState } from "../state.ts";
import { makePlan, type Plan } from "./plan.ts";

function planFor(state: WasmState, shape: ConvShape, use: ConvUse): Plan {
  return state.plans.get(`depthwise/${keyOf(shape, use)}`, () =>
    makePlan(gatherOf(shape, use), use === "filter" ? "depthwiseFilter" : "depthwise"),
  );
}

function multiply(
  state: WasmState,
  plan: Plan,
  source: tf.TensorInfo,
  weights: tf.TensorInfo,
  resultShape: readonly number[],
): tf.TensorInfo {
  const result = state.output(resultShape);
  const threads = state.threadsFor(plan.multiplyAdds);
  const headers = state.place(plan, threads);
  const tensors = state.addresses(source, weights, result);
  state.split("depthwiseRing", plan.units, threads, (begin, end, t) => [headers[t], ...tensors, begin, end]);
  return result;
}

/** With weights [matrices, 1, C]. */
export const depthwiseConvolutions: Convolutions<WasmState> = {
  forward: (state, shape, x, weights, yShape) =>
    multiply(state, planFor(state, shape, "forward"), x, weights, yShape),

  inputGradient: (state, shape, dy, weights, dxShape) =>
    multiply(state, planFor(state, shape, "input"), dy, weights, dxShape),

  filterGradient(state, shape, x, dy, dwShape) {
    const dw = state.output(dwShape);
    const plan = planFor(state, shape, "filter");
    if (plan.hasDeadMatrices) state.clear(dw);
    const threads = state.threadsFor(plan.multiplyAdds);
    const headers = state.place(plan, threads);
    const [from, gradient, to] = state.addresses(x, dy, dw);
    state.split("depthwiseRingFilter", plan.units, threads, (begin, end, t) => [
      headers[t],
      from,
      gradient,
      begin,
      end,
    ]);
    state.run.depthwiseRingFinish(headers[0], to);
    return dw;
  },
};
