// The time of one layer against the stock dense convolution of the same size, in the same run.

import { GmrError } from "@gmr-conv/core";
import { batchNormTraining, gmrConv2d } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";

export interface LayerBenchOptions {
  kernelSizes: readonly number[];
  /** [N, H, W, C] */
  shape: readonly [number, number, number, number];
  filters: number;
  /** Counted runs of each measurement. */
  runs: number;
}

export type Impl = "gmr" | "dense";
export type Pass = "forward" | "forward+backward";

export interface LayerTime {
  kind: "layer" | "batchnorm";
  backend: string;
  threads: number;
  k: number;
  impl: Impl | "fused" | "stock";
  pass: Pass;
  /** The best of several runs after warm-up. */
  ms: number;
}

interface Job {
  result: Omit<LayerTime, "ms">;
  run: () => tf.Tensor[];
}

/** Measures forward, and forward+backward (gradients of x and of all weights), for every kernel size. */
export async function benchLayers(
  options: LayerBenchOptions,
  report: (time: LayerTime) => void,
): Promise<LayerTime[]> {
  const { shape, filters } = options;
  const channels = shape[3];
  const x = tf.randomNormal<tf.Rank.R4>([...shape], 0, 1, "float32", 1);
  const times: LayerTime[] = [];
  const common = { backend: tf.getBackend(), threads: 1 };
  const finish = (list: LayerTime[]): void => {
    times.push(...list);
    for (const time of list) report(time);
  };
  for (const k of options.kernelSizes) {
    const rings = (k >> 1) + 1;
    const weights = tf.randomNormal<tf.Rank.R3>([rings, channels, filters], 0, 0.1, "float32", 2);
    const logSigmas = tf.fill([rings], -0.5) as tf.Tensor1D;
    const kernel = tf.randomNormal<tf.Rank.R4>([k, k, channels, filters], 0, 0.1, "float32", 3);
    const gmr = (x: tf.Tensor4D, w: tf.Tensor3D, logSigmas: tf.Tensor1D): tf.Tensor4D =>
      gmrConv2d(x, w, { kernelSize: k, pad: "same", logSigmas });
    const gmrGrads = tf.grads((x, w, s) => gmr(x as tf.Tensor4D, w as tf.Tensor3D, s as tf.Tensor1D));
    const dense = (x: tf.Tensor4D, w: tf.Tensor4D): tf.Tensor4D => tf.conv2d(x, w, 1, "same");
    const denseGrads = tf.grads((x, w) => dense(x as tf.Tensor4D, w as tf.Tensor4D));
    const dy = gmr(x, weights, logSigmas);
    const job = (impl: Impl, pass: Pass, run: () => tf.Tensor[]): Job => ({
      result: { kind: "layer", ...common, k, impl, pass },
      run,
    });
    finish(
      await timeTogether(
        [
          job("gmr", "forward", () => [gmr(x, weights, logSigmas)]),
          job("dense", "forward", () => [dense(x, kernel)]),
          job("gmr", "forward+backward", () => gmrGrads([x, weights, logSigmas], dy)),
          job("dense", "forward+backward", () => denseGrads([x, kernel], dy)),
        ],
        options.runs,
      ),
    );
    tf.dispose([weights, logSigmas, kernel, dy]);
  }
  finish(await benchBatchNorm(x, common, options.runs));
  x.dispose();
  return times;
}

/** Batch normalisation in training, forward and backward: fused against the composition of stock ops. */
async function benchBatchNorm(
  x: tf.Tensor4D,
  common: { backend: string; threads: number },
  runs: number,
): Promise<LayerTime[]> {
  const gamma = tf.ones([x.shape[3]]) as tf.Tensor1D;
  const beta = tf.zeros([x.shape[3]]) as tf.Tensor1D;
  const fused = tf.grads((x, g, b) => batchNormTraining(x, g as tf.Tensor1D, b as tf.Tensor1D).y);
  const stock = tf.grads((x, g, b) => {
    const { mean, variance } = tf.moments(x, [0, 1, 2]);
    return tf.batchNorm4d(
      x as tf.Tensor4D,
      mean as tf.Tensor1D,
      variance as tf.Tensor1D,
      b as tf.Tensor1D,
      g as tf.Tensor1D,
      1e-5,
    );
  });
  const job = (impl: "fused" | "stock", run: () => tf.Tensor[]): Job => ({
    result: { kind: "batchnorm", ...common, k: 1, impl, pass: "forward+backward" },
    run,
  });
  const times = await timeTogether(
    [job("fused", () => fused([x, gamma, beta], x)), job("stock", () => stock([x, gamma, beta], x))],
    runs,
  );
  tf.dispose([gamma, beta]);
  return times;
}

/** Times jobs in turn, round by round, so that a slow spell of the machine meets all of them alike. */
async function timeTogether(jobs: readonly Job[], runs: number): Promise<LayerTime[]> {
  const best = jobs.map(() => Number.POSITIVE_INFINITY);
  const warmUp = 2;
  for (let round = 0; round < warmUp + runs; round++) {
    for (const [i, { run }] of jobs.entries()) {
      const start = performance.now();
      const outputs = tf.tidy(run);
      // One number of the result: enough to wait for a backend that computes in the background.
      const number = tf.tidy(() => outputs[0].flatten().slice([0], [1]));
      await number.data();
      const time = performance.now() - start;
      tf.dispose([outputs, number]);
      if (round >= warmUp) best[i] = Math.min(best[i], time);
    }
  }
  return jobs.map(({ result }, i) => {
    if (!Number.isFinite(best[i]))
      throw new GmrError("invalid-argument", `runs must be positive, got ${runs}`);
    return { ...result, ms: Number(best[i].toFixed(3)) };
  });
}
