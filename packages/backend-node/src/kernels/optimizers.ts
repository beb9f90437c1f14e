// The steps of the optimisers.

import { AdamWUpdate, SgdUpdate } from "@gmr-conv/tfjs";
import type { Native, NativeOps } from "../nativeOps.ts";
import { nativeKernel } from "../state.ts";

/** a · factor */
const times = (ops: NativeOps, a: Native, factor: number): Native =>
  factor === 1 ? a : ops.binary("Mul", a, ops.scalar(factor));

export const optimizerKernels = [
  nativeKernel(AdamWUpdate, (ops, inputs, attrs) => {
    const { learningRate, beta1, beta2, epsilon, weightDecay, step } = attrs;
    const gradient = ops.input(inputs.gradient);
    const mean = (old: Native, now: Native, beta: number): Native =>
      ops.binary("AddV2", times(ops, old, beta), times(ops, now, 1 - beta));
    const m = mean(ops.input(inputs.first), gradient, beta1);
    const v = mean(ops.input(inputs.second), ops.unary("Square", gradient), beta2);
    const root = ops.unary("Sqrt", times(ops, v, 1 / (1 - beta2 ** step)));
    const divisor = ops.binary("AddV2", root, ops.scalar(epsilon));
    const change = ops.binary("RealDiv", times(ops, m, learningRate / (1 - beta1 ** step)), divisor);
    const decayed = times(ops, ops.input(inputs.parameter), 1 - learningRate * weightDecay);
    return [ops.binary("Sub", decayed, change), m, v];
  }),

  nativeKernel(SgdUpdate, (ops, inputs, { learningRate, momentum, weightDecay }) => {
    const gradient = ops.input(inputs.gradient);
    const v = ops.binary("AddV2", times(ops, ops.input(inputs.velocity), momentum), gradient);
    const change = times(ops, ops.binary("AddV2", times(ops, v, momentum), gradient), learningRate);
    const decayed = times(ops, ops.input(inputs.parameter), 1 - learningRate * weightDecay);
    return [ops.binary("Sub", decayed, change), v];
  }),
];
