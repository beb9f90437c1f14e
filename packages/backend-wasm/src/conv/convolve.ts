// The three convolutions of training, for rings and for dense kernels alike.

import { product } from "@gmr-conv/core";
import { type Convolutions, type ConvShape, type ConvUse, gatherOf, keyOf } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import type { WasmState } from "../state.ts";
import { type Epilogue, epilogueArguments, NO_EPILOGUE } from "./epilogue.ts";
import { makePlan, type Plan, type PlanKind } from "./plan.ts";
import { isPointwise, pointwise, pointwiseFilterGradient, pointwiseInputGradient } from "./pointwise.ts";

function planFor(
  state: WasmState,
  shape: ConvShape,
  use: ConvUse,
  kind: PlanKind = use === "filter" ? "filter" : "forward",
): Plan {
  return state.plans.get(`${kind}/${keyOf(shape, use)}`, () => makePlan(gatherOf(shape, use), kind));
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

/** With fewer channels of x, or more of y for each of them, filling panels of x up costs more than sums of x. */
const MIN_CHANNELS = 8;
const MAX_RATIO = 2;
/** Floats of the gradient of weights, of which each chunk of the rows has its own. */
const MAX_BOTH = 1 << 17;

/** Whether the sums of dy are to serve both gradients. */
function sharesSums({ strides, groups = 1, matrices, inChannels, outChannels }: ConvShape): boolean {
  return (
    groups === 1 &&
    // With strides, dx has more pixels than dy.
    strides.every((stride) => stride === 1) &&
    inChannels >= MIN_CHANNELS &&
    outChannels <= MAX_RATIO * inChannels &&
    matrices * inChannels * outChannels <= MAX_BOTH
  );
}

/** What the gradient of weights depends on. */
const sourcesOf = (shape: ConvShape, x: tf.TensorInfo, dy: tf.TensorInfo): unknown[] => [
  x.dataId,
  dy.dataId,
  keyOf(shape, "filter"),
];

/** dx and, kept for when it is asked for, dW. */
function bothGradients(
  state: WasmState,
  shape: ConvShape,
  { dy, weights, x }: Record<"dy" | "weights" | "x", tf.TensorInfo>,
  dxShape: readonly number[],
): tf.TensorInfo {
  const plan = planFor(state, shape, "input", "both");
  const [dx, dw] = [state.output(dxShape), state.output(weights.shape)];
  if (plan.hasDeadMatrices) state.clear(dw);
  const threads = state.threadsFor(2 * plan.multiplyAdds);
  const headers = state.place(plan, threads);
  const [gradient, matrices, image, to, kept] = state.addresses(dy, weights, x, dx, dw);
  state.split("packWeights", plan.panels, threads, (begin, end, t) => [headers[t], matrices, 1, begin, end]);
  state.split("bothGradients", plan.units, threads, (begin, end, t) => [
    headers[t],
    gradient,
    to,
    image,
    begin,
    end,
  ]);
  state.split("bothFinish", plan.finishUnits, threads, (begin, end, t) => [headers[t], kept, begin, end]);
  const numbers = state.floats(kept, product(weights.shape)).slice();
  state.release(dw);
  state.weightGradient.keep(sourcesOf(shape, x, dy), numbers);
  queueMicrotask(() => state.weightGradient.forget(numbers));
  return dx;
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

  inputGradient(state, shape, dy, weights, dxShape, x) {
    if (isPointwise(shape)) return pointwiseInputGradient(state, shape, dy, weights, dxShape);
    return x && state.wantsWeightGradient && sharesSums(shape)
      ? bothGradients(state, shape, { dy, weights, x }, dxShape)
      : multiply(state, planFor(state, shape, "input"), dy, weights, 1, dxShape);
  },

  filterGradient(state, shape, x, dy, dwShape) {
    if (isPointwise(shape)) return pointwiseFilterGradient(state, shape, x, dy, dwShape);
    const dw = state.output(dwShape);
    const known = state.weightGradient.take(sourcesOf(shape, x, dy));
    state.wantsWeightGradient = true;
    if (known) {
      state.floats(state.address(dw), known.length).set(known);
      return dw;
    }
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
    state.split("filterFinish", plan.finishUnits, threads, (begin, end, t) => [headers[t], to, begin, end]);
    return dw;
  },
};
