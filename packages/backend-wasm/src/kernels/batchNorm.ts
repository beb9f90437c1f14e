import {
  BatchNormTraining,
  BatchNormTrainingGrad,
  BatchNormTrainingParamGrad,
  kernelConfig,
} from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import { elements, type KernelName, kernelsOf, MAX_THREADS, type WasmKernels } from "../module.ts";

/** What the gradients need for the constants and sums of eight channels. */
const SCRATCH_BYTES = 192;

/**
 * The gradients of gamma and beta, which that of x needs as well and which are asked for right after it: of the last
 * call only, as plain arrays.
 */
let remembered: { of: readonly unknown[]; dGamma: Float32Array; dBeta: Float32Array } | undefined;

/** Threads share a normalisation by blocks of 16 channels, which none splits. */
function splitChannels(
  kernels: WasmKernels,
  name: KernelName,
  x: tf.TensorInfo,
  channels: number,
  args: (begin: number, end: number, thread: number) => readonly number[],
): void {
  const threads = Math.min(kernels.threadsFor(elements(x.shape) * 16), MAX_THREADS);
  kernels.split(name, Math.ceil(channels / 16), threads, (begin, end, thread) =>
    args(16 * begin, Math.min(channels, 16 * end), thread),
  );
}

export const batchNormTrainingConfig = kernelConfig(
  BatchNormTraining,
  "wasm",
  ({ x, gamma, beta }, { epsilon, relu }, backend) => {
    const kernels = kernelsOf(backend);
    const [channels] = gamma.shape as [number];
    const y = kernels.output(x.shape);
    const mean = kernels.output([channels]);
    const variance = kernels.output([channels]);
    const args = [
      ...[x, gamma, beta, y, mean, variance].map((tensor) => kernels.address(tensor)),
      elements(x.shape) / channels,
      channels,
      epsilon,
      Number(relu),
    ];
    splitChannels(kernels, "batchNormForward", x, channels, (begin, end) => [...args, begin, end]);
    return [y, mean, variance];
  },
);

export const batchNormTrainingGradConfig = kernelConfig(
  BatchNormTrainingGrad,
  "wasm",
  ({ dy, x, gamma, beta, mean, variance }, { epsilon, relu }, backend) => {
    const kernels = kernelsOf(backend);
    const [channels] = gamma.shape as [number];
    const dx = kernels.output(x.shape);
    const paramBytes = 4 * Math.ceil(channels / 16) * 16;
    const scratch = kernels.reserve(SCRATCH_BYTES * MAX_THREADS + 2 * paramBytes);
    const dGamma = scratch + SCRATCH_BYTES * MAX_THREADS;
    const dBeta = dGamma + paramBytes;
    const args = [dy, x, gamma, beta, mean, variance, dx].map((tensor) => kernels.address(tensor));
    const settings = [elements(x.shape) / channels, channels, epsilon, Number(relu)];
    splitChannels(kernels, "batchNormInputGradient", x, channels, (begin, end, thread) => [
      ...args,
      dGamma,
      dBeta,
      scratch + SCRATCH_BYTES * thread,
      ...settings,
      begin,
      end,
    ]);
    remembered = {
      of: [...[dy, x, gamma, beta, mean, variance].map(({ dataId }) => dataId), epsilon, relu],
      dGamma: kernels.floats(dGamma, channels).slice(),
      dBeta: kernels.floats(dBeta, channels).slice(),
    };
    return dx;
  },
);

export const batchNormTrainingParamGradConfig = kernelConfig(
  BatchNormTrainingParamGrad,
  "wasm",
  ({ dy, x, gamma, beta, mean, variance }, { epsilon, relu }, backend) => {
    const kernels = kernelsOf(backend);
    const [channels] = mean.shape as [number];
    const dGamma = kernels.output([channels]);
    const dBeta = kernels.output([channels]);
    const of = [...[dy, x, gamma, beta, mean, variance].map(({ dataId }) => dataId), epsilon, relu];
    if (remembered?.of.every((value, i) => value === of[i])) {
      kernels.floats(kernels.address(dGamma), channels).set(remembered.dGamma);
      kernels.floats(kernels.address(dBeta), channels).set(remembered.dBeta);
      return [dGamma, dBeta];
    }
    const scratch = kernels.reserve(SCRATCH_BYTES * MAX_THREADS);
    const args = [dy, x, gamma, beta, mean, variance, dGamma, dBeta].map((tensor) => kernels.address(tensor));
    const settings = [elements(x.shape) / channels, channels, epsilon, Number(relu)];
    splitChannels(kernels, "batchNormParamGradient", x, channels, (begin, end, thread) => [
      ...args,
      scratch + SCRATCH_BYTES * thread,
      ...settings,
      begin,
      end,
    ]);
    return [dGamma, dBeta];
  },
);
