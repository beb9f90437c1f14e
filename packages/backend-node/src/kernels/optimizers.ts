// Optimiser steps.

import { product } from "@gmr-conv/core";
import { AdamWUpdate, SgdUpdate } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import { Kind } from "../native/plan.ts";
import type { Native, NativeOps } from "../nativeOps.ts";
import { nativeKernel } from "../state.ts";

/** a · factor */
const times = (ops: NativeOps, a: Native, factor: number): Native =>
  factor === 1 ? a : ops.binary("Mul", a, ops.scalar(factor));

/** By a kernel in `native/`; its numbers change from step to step and are no part of the plan. */
function update(
  ops: NativeOps,
  kind: Kind,
  tensors: readonly tf.TensorInfo[],
  numbers: readonly number[],
  results: number,
): Native[] {
  const [{ shape }] = tensors;
  const inputs = tensors.map((tensor) => ops.input(tensor));
  const given = ops.upload(Float32Array.from(numbers), [numbers.length]);
  return ops.kernel(kind, [...inputs, given], new Array<number[]>(results).fill(shape), [product(shape)]);
}

export const optimizerKernels = [
  nativeKernel(AdamWUpdate, (ops, inputs, attrs, { hasKernels }) => {
    const { learningRate, beta1, beta2, epsilon, weightDecay, step } = attrs;
    if (hasKernels) {
      const { parameter, gradient, first, second } = inputs;
      const corrections = [learningRate / (1 - beta1 ** step), 1 / (1 - beta2 ** step)];
      const moments = [beta1, 1 - beta1, beta2, 1 - beta2, ...corrections];
      const numbers = [...moments, epsilon, 1 - learningRate * weightDecay];
      return update(ops, Kind.AdamW, [parameter, gradient, first, second], numbers, 3);
    }
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

  nativeKernel(SgdUpdate, (ops, inputs, { learningRate, momentum, weightDecay }, { hasKernels }) => {
    if (hasKernels) {
      const { parameter, gradient, velocity } = inputs;
      const numbers = [learningRate, momentum, 1 - learningRate * weightDecay];
      return update(ops, Kind.Sgd, [parameter, gradient, velocity], numbers, 2);
    }
    const gradient = ops.input(inputs.gradient);
    const v = ops.binary("AddV2", times(ops, ops.input(inputs.velocity), momentum), gradient);
    const change = times(ops, ops.binary("AddV2", times(ops, v, momentum), gradient), learningRate);
    const decayed = times(ops, ops.input(inputs.parameter), 1 - learningRate * weightDecay);
    return [ops.binary("Sub", decayed, change), v];
  }),
];
