// Batch normalisation in training, shared between threads by blocks of 16 channels.

import { product } from "@gmr-conv/core";
import {
  type BatchNormGradInputs,
  BatchNormTraining,
  type BatchNormTrainingAttrs,
  BatchNormTrainingGrad,
  BatchNormTrainingParamGrad,
} from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import { NormScratch } from "../layouts.ts";
import { type KernelArguments, MAX_THREADS, type WasmState, wasm } from "../state.ts";

type NormKernel = "batchNormForward" | "batchNormInputGradient" | "batchNormParamGradient";

/** Per thread, in separate cache lines. */
const SCRATCH_BYTES = Math.ceil(NormScratch.Bytes / 64) * 64;

function splitChannels<Name extends NormKernel>(
  state: WasmState,
  name: Name,
  x: tf.TensorInfo,
  args: (begin: number, end: number, thread: number) => KernelArguments<Name>,
): void {
  const channels = x.shape[x.shape.length - 1];
  const threads = Math.min(state.threadsFor(product(x.shape) * 16), MAX_THREADS);
  state.split(name, Math.ceil(channels / 16), threads, (begin, end, thread) =>
    args(16 * begin, Math.min(channels, 16 * end), thread),
  );
}

/** Rows, channels, epsilon and whether to rectify. */
function settings(x: tf.TensorInfo, { epsilon, relu }: BatchNormTrainingAttrs) {
  const channels = x.shape[x.shape.length - 1];
  return [product(x.shape) / channels, channels, epsilon, Number(relu)] as const;
}

/** The inputs of the gradients. */
function sourcesOf(inputs: BatchNormGradInputs, { epsilon, relu }: BatchNormTrainingAttrs): unknown[] {
  const { dy, x, gamma, beta, mean, variance } = inputs;
  return [...[dy, x, gamma, beta, mean, variance].map(({ dataId }) => dataId), epsilon, relu];
}

export const batchNormKernels = [
  wasm.kernel(BatchNormTraining, ({ x, gamma, beta }, attrs, state) => {
    const y = state.output(x.shape);
    const [mean, variance] = [state.output(gamma.shape), state.output(gamma.shape)];
    const args = [...state.addresses(x, gamma, beta, y, mean, variance), ...settings(x, attrs)] as const;
    splitChannels(state, "batchNormForward", x, (begin, end) => [...args, begin, end]);
    return [y, mean, variance];
  }),

  wasm.kernel(BatchNormTrainingGrad, (inputs, attrs, state) => {
    const { dy, x, gamma, beta, mean, variance } = inputs;
    const [channels] = gamma.shape as [number];
    const dx = state.output(x.shape);
    const paramBytes = 4 * Math.ceil(channels / 16) * 16;
    const scratch = state.reserve(SCRATCH_BYTES * MAX_THREADS + 2 * paramBytes);
    const dGamma = scratch + SCRATCH_BYTES * MAX_THREADS;
    const dBeta = dGamma + paramBytes;
    const tensors = state.addresses(dy, x, gamma, beta, mean, variance, dx);
    splitChannels(state, "batchNormInputGradient", x, (begin, end, thread) => [
      ...tensors,
      dGamma,
      dBeta,
      scratch + SCRATCH_BYTES * thread,
      ...settings(x, attrs),
      begin,
      end,
    ]);
    state.paramGradients.keep(sourcesOf(inputs, attrs), {
      dGamma: state.floats(dGamma, channels).slice(),
      dBeta: state.floats(dBeta, channels).slice(),
    });
    return dx;
  }),

  wasm.kernel(BatchNormTrainingParamGrad, (inputs, attrs, state) => {
    const { dy, x, gamma, beta, mean, variance } = inputs;
    const [channels] = mean.shape as [number];
    const [dGamma, dBeta] = [state.output([channels]), state.output([channels])];
    const known = state.paramGradients.find(sourcesOf(inputs, attrs));
    if (known) {
      state.floats(state.address(dGamma), channels).set(known.dGamma);
      state.floats(state.address(dBeta), channels).set(known.dBeta);
      return [dGamma, dBeta];
    }
    const scratch = state.reserve(SCRATCH_BYTES * MAX_THREADS);
    const tensors = state.addresses(dy, x, gamma, beta, mean, variance, dGamma, dBeta);
    splitChannels(state, "batchNormParamGradient", x, (begin, end, thread) => [
      ...tensors,
      scratch + SCRATCH_BYTES * thread,
      ...settings(x, attrs),
      begin,
      end,
    ]);
    return [dGamma, dBeta];
  }),
];
