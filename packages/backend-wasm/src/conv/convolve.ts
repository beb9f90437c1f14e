// The three convolutions of training, for rings and for dense kernels alike.

import { type Convolutions, type ConvShape, type ConvUse, gatherOf, keyOf } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import type { WasmState } from "../state.ts";
import { type Epilogue, epilogueArguments, NO_EPILOGUE } from "./epilogue.ts";
import { makePlan, type Plan } from "./plan.ts";
import { isPointwise, pointwise, pointwiseFilterGradient, pointwiseInputGradient } from "./pointwise.ts";

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
  epilogue: Epilogue = NO_EPILOGUE,
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
  state.split("convolve", plan.units, threads, (begin, end, t) => [
    headers[t],
    from,
    to,
    begin,
    end,
    ...epilogueArguments(state, epilogue),
  ]);
  return result;
}

/** y of a convolution, f(x * weights + bias). */
export function forward(
  state: WasmState,
  shape: ConvShape,
  x: tf.TensorInfo,
  weights: tf.TensorInfo,
  yShape: readonly number[],
  epilogue?: Epilogue,
): tf.TensorInfo {
  return isPointwise(shape)
    ? pointwise(state, shape, x, weights, yShape, epilogue)
    : multiply(state, planFor(state, shape, "forward"), x, weights, 0, yShape, epilogue);
}

export const convolutions: Convolutions<WasmState> = {
  forward,

  inputGradient: (state, shape, dy, weights, dxShape) =>
    isPointwise(shape)
      ? pointwiseInputGradient(state, shape, dy, weights, dxShape)
      : multiply(state, planFor(state, shape, "input"), dy, weights, 1, dxShape),

  filterGradient(state, shape, x, dy, dwShape) {
    if (isPointwise(shape)) return pointwiseFilterGradient(state, shape, x, dy, dwShape);
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
