// The time of a convolution over its kernel size: ring against dense, in turn, so that a slow phase of the device
// affects both alike.

import { gmrConv2d } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import type { Measured, MeasureOptions } from "./types.ts";

/** Uncounted rounds, in which caches fill and shaders are compiled. */
const WARM_UP = 2;
const ROUNDS = 15;
/** After this time a kernel size has had enough rounds, if there were at least three. */
const ENOUGH_MS = 2000;

/**
 * @param isCancelled asked between runs
 * @param report called after every kernel size
 */
export async function measure(
  { kernelSizes, size, channels, training }: MeasureOptions,
  isCancelled: () => boolean,
  report: (measured: Measured) => void,
): Promise<void> {
  const x = tf.randomNormal<tf.Rank.R4>([1, size, size, channels], 0, 1, "float32", 1);
  try {
    for (const k of kernelSizes) {
      const { runs, dispose } = runsOf(x, k, training);
      try {
        const times = await inTurn(runs, isCancelled);
        if (!times) return;
        report({ k, gmr: median(times[0]), dense: median(times[1]) });
      } finally {
        dispose();
      }
    }
  } finally {
    x.dispose();
  }
}

/** One step of the GMR convolution, and one of the dense one. */
function runsOf(
  x: tf.Tensor4D,
  k: number,
  training: boolean,
): { runs: (() => tf.Tensor[])[]; dispose(): void } {
  const channels = x.shape[3];
  const rings = (k >> 1) + 1;
  const weights = tf.randomNormal<tf.Rank.R3>([rings, channels, channels], 0, 0.1, "float32", 2);
  const logSigmas = tf.fill([rings], -0.5) as tf.Tensor1D;
  const kernel = tf.randomNormal<tf.Rank.R4>([k, k, channels, channels], 0, 0.1, "float32", 3);
  const gmr = (x: tf.Tensor, weights: tf.Tensor, logSigmas: tf.Tensor): tf.Tensor4D =>
    gmrConv2d(x as tf.Tensor4D, weights as tf.Tensor3D, {
      kernelSize: k,
      pad: "same",
      logSigmas: logSigmas as tf.Tensor1D,
    });
  const dense = (x: tf.Tensor, kernel: tf.Tensor): tf.Tensor4D =>
    tf.conv2d(x as tf.Tensor4D, kernel as tf.Tensor4D, 1, "same");
  const gmrGradients = tf.grads(gmr as (...inputs: tf.Tensor[]) => tf.Tensor);
  const denseGradients = tf.grads(dense as (...inputs: tf.Tensor[]) => tf.Tensor);
  return {
    runs: training
      ? [() => gmrGradients([x, weights, logSigmas], x), () => denseGradients([x, kernel], x)]
      : [() => [gmr(x, weights, logSigmas)], () => [dense(x, kernel)]],
    dispose: () => tf.dispose([weights, logSigmas, kernel]),
  };
}

/** The times of each run; undefined if cancelled. */
async function inTurn(
  runs: readonly (() => tf.Tensor[])[],
  isCancelled: () => boolean,
): Promise<number[][] | undefined> {
  const times = runs.map((): number[] => []);
  const start = performance.now();
  for (let round = 0; round < WARM_UP + ROUNDS; round++) {
    if (times[0].length >= 3 && performance.now() - start > ENOUGH_MS) break;
    for (const [i, run] of runs.entries()) {
      await new Promise((resolve) => setTimeout(resolve)); // messages come in here
      if (isCancelled()) return undefined;
      const ms = await timeOf(run);
      if (round >= WARM_UP) times[i].push(ms);
    }
  }
  return times;
}

async function timeOf(run: () => tf.Tensor[]): Promise<number> {
  const start = performance.now();
  const outputs = tf.tidy(run);
  // Reading one number waits for a GPU; others have finished already.
  const number = tf.tidy(() => outputs[0].flatten().slice([0], [1]));
  await number.data();
  const ms = performance.now() - start;
  tf.dispose([number, ...outputs]);
  return ms;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
