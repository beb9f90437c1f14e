// The time of a layer against the stock convolution of the same size and against peers, in one run.

import { GmrError } from "@gmr-conv/core";
import { batchNormTraining, gmrConv2d, replaceKernels } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { activeBackend, activeThreads } from "../backend.ts";
import type { LayerPass, LayerTime, PeerImpl } from "./measurements.ts";
import { bestInTurn, type Run } from "./turns.ts";

export interface LayerShape {
  /** [N, H, W, C] */
  shape: readonly [number, number, number, number];
  filters: number;
  /** 1, or as many as there are channels in: each channel by itself. */
  groups: number;
}

/** @throws GmrError `invalid-argument` if there is no stock convolution of this shape to compare with */
export function checkLayerShape({ shape: [, , , channels], filters, groups }: LayerShape): void {
  if (groups !== 1 && groups !== channels) {
    throw new GmrError("invalid-argument", `groups must be 1 or the ${channels} channels, got ${groups}`);
  }
  if (filters % groups !== 0) {
    throw new GmrError(
      "invalid-argument",
      `filters must be a multiple of the ${groups} groups, got ${filters}`,
    );
  }
}

interface LayerBenchOptions extends LayerShape {
  kernelSizes: readonly number[];
  /** Counted runs of each measurement. */
  runs: number;
  /** The stock kernels that ours have replaced, measured as well. */
  stockKernels?: readonly tf.KernelConfig[] | undefined;
  /** Count only the time of kernels on the GPU, by its timestamps. */
  timestamps?: boolean | undefined;
}

/** A measurement that can be repeated. */
interface LayerJob {
  label: Omit<LayerTime, "ms">;
  run: Run;
}

/** Another implementation of the same layers. */
export interface LayerPeer {
  /** What it measures at a kernel size; nothing if it is too slow. */
  jobs(k: number): LayerJob[];
  close(): Promise<void>;
}

type Common = Pick<LayerTime, "backend" | "threads">;

/** Measures forward, and forward+backward (gradients of x and of all weights), for every kernel size. */
export async function benchLayers(
  options: LayerBenchOptions,
  report: (time: LayerTime) => void,
  peers: readonly LayerPeer[] = [],
): Promise<LayerTime[]> {
  const x = tf.randomNormal<tf.Rank.R4>([...options.shape], 0, 1, "float32", 1);
  const times: LayerTime[] = [];
  const common = { backend: activeBackend() ?? tf.getBackend(), threads: activeThreads() };
  const measure = async (jobs: readonly LayerJob[]): Promise<void> => {
    const best = await bestInTurn(
      jobs.map(({ run }) => run),
      options.runs,
    );
    for (const [i, { label }] of jobs.entries()) {
      const time = { ...label, ms: best[i] };
      times.push(time);
      report(time);
    }
  };
  for (const k of options.kernelSizes) {
    const { jobs, dispose } = convolutionJobs(x, k, options, common);
    await measure([...jobs.map(afterUncounted), ...peers.flatMap((peer) => peer.jobs(k))]);
    dispose();
  }
  const { jobs, dispose } = batchNormJobs(x, options, common);
  await measure(jobs.map(afterUncounted));
  dispose();
  x.dispose();
  return times;
}

/** With an uncounted run before each, since others used the caches in between (peers do the same). */
function afterUncounted({ label, run }: LayerJob): LayerJob {
  const both = async (): Promise<number> => {
    await run();
    return run();
  };
  return { label, run: both };
}

interface Jobs {
  jobs: LayerJob[];
  dispose(): void;
}

function convolutionJobs(
  x: tf.Tensor4D,
  k: number,
  { filters, groups, stockKernels = [], timestamps }: LayerBenchOptions,
  common: Common,
): Jobs {
  const channels = x.shape[3];
  const rings = (k >> 1) + 1;
  const weights = tf.randomNormal<tf.Rank.R3>([rings, channels / groups, filters], 0, 0.1, "float32", 2);
  const logSigmas = tf.fill([rings], -0.5) as tf.Tensor1D;
  const kernelShape: [number, number, number, number] = [k, k, channels, filters / groups];
  const kernel = tf.randomNormal<tf.Rank.R4>(kernelShape, 0, 0.1, "float32", 3);
  const gmr = (x: tf.Tensor4D, w: tf.Tensor3D, logSigmas: tf.Tensor1D): tf.Tensor4D =>
    gmrConv2d(x, w, { kernelSize: k, pad: "same", groups, logSigmas });
  const gmrGrads = tf.grads((x, w, s) => gmr(x as tf.Tensor4D, w as tf.Tensor3D, s as tf.Tensor1D));
  const dense = (x: tf.Tensor4D, w: tf.Tensor4D): tf.Tensor4D =>
    groups === 1 ? tf.conv2d(x, w, 1, "same") : tf.depthwiseConv2d(x, w, 1, "same");
  const denseGrads = tf.grads((x, w) => dense(x as tf.Tensor4D, w as tf.Tensor4D));
  const dy = gmr(x, weights, logSigmas);
  const job = (
    impl: "gmr" | "dense" | "stock-dense",
    pass: LayerPass,
    compute: () => tf.Tensor[],
  ): LayerJob => ({
    label: { kind: "layer", ...common, k, impl, pass },
    run: () => timeTensors(compute, timestamps),
  });
  const stock = (pass: LayerPass, compute: () => tf.Tensor[]): LayerJob[] =>
    stockKernels.length === 0 ? [] : [job("stock-dense", pass, () => withKernels(stockKernels, compute))];
  return {
    jobs: [
      job("gmr", "forward", () => [gmr(x, weights, logSigmas)]),
      job("dense", "forward", () => [dense(x, kernel)]),
      ...stock("forward", () => [dense(x, kernel)]),
      job("gmr", "forward+backward", () => gmrGrads([x, weights, logSigmas], dy)),
      job("dense", "forward+backward", () => denseGrads([x, kernel], dy)),
      ...stock("forward+backward", () => denseGrads([x, kernel], dy)),
    ],
    dispose: () => tf.dispose([weights, logSigmas, kernel, dy]),
  };
}

/** Batch normalisation in training, forward and backward: fused against the composition of stock ops. */
function batchNormJobs(x: tf.Tensor4D, { timestamps }: LayerBenchOptions, common: Common): Jobs {
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
  const job = (impl: "fused" | "stock", compute: () => tf.Tensor[]): LayerJob => ({
    label: { kind: "batchnorm", ...common, k: 1, impl, pass: "forward+backward" },
    run: () => timeTensors(compute, timestamps),
  });
  return {
    jobs: [job("fused", () => fused([x, gamma, beta], x)), job("stock", () => stock([x, gamma, beta], x))],
    dispose: () => tf.dispose([gamma, beta]),
  };
}

const DENSE_KERNELS: readonly string[] = [
  tf.Conv2D,
  tf.Conv2DBackpropFilter,
  tf.Conv2DBackpropInput,
  tf.DepthwiseConv2dNative,
  tf.DepthwiseConv2dNativeBackpropFilter,
  tf.DepthwiseConv2dNativeBackpropInput,
];

/** The kernels of the dense convolution that a backend has now; call before ours replace them. */
export function denseKernels(backend: string): tf.KernelConfig[] {
  return tf.getKernelsForBackend(backend).filter(({ kernelName }) => DENSE_KERNELS.includes(kernelName));
}

function withKernels<T>(kernels: readonly tf.KernelConfig[], compute: () => T): T {
  const ours = kernels.map(({ kernelName, backendName }) => tf.getKernel(kernelName, backendName));
  replaceKernels(kernels);
  try {
    return compute();
  } finally {
    replaceKernels(ours);
  }
}

/** Backends whose ops have finished when they return. */
const COMPUTE_AT_ONCE: readonly string[] = ["wasm", "cpu"];

async function timeTensors(compute: () => tf.Tensor[], timestamps = false): Promise<number> {
  if (timestamps) {
    const { kernelMs } = await tf.time(() => tf.dispose(tf.tidy(compute)));
    return kernelMs as number;
  }
  const start = performance.now();
  const outputs = tf.tidy(compute);
  if (!COMPUTE_AT_ONCE.includes(tf.getBackend())) {
    // Reading one number of the result waits for a backend that computes in the background.
    const number = tf.tidy(() => outputs[0].flatten().slice([0], [1]));
    await number.data();
    number.dispose();
  }
  const time = performance.now() - start;
  tf.dispose(outputs);
  return time;
}

/** Labels of a peer's convolution at one kernel size. */
export function peerLabel(impl: PeerImpl, pass: LayerPass, k: number, common: Common): Omit<LayerTime, "ms"> {
  return { kind: "layer", ...common, k, impl, pass };
}
