// Batch normalisation in training. The moments of CHUNK rows at a time are merged, CHUNK at a time, until one is left.

import {
  BatchNormTraining,
  type BatchNormTrainingAttrs,
  BatchNormTrainingGrad,
  BatchNormTrainingParamGrad,
  kernelConfig,
} from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { backendOf } from "../backend.ts";
import { elements, makeTensor, run, type Shader } from "../program.ts";
import { CHUNK, sumAxis } from "./sums.ts";

/** The rows of a chunk and the channel that a thread works on. */
const CHUNK_OF_THREAD = `
  if (index >= uniforms.total) { return; }
  let channels = uniforms.channels;
  let c = index % channels;
  let chunk = index / channels;
  let first = chunk * ${CHUNK};
  let end = min(first + ${CHUNK}, uniforms.rows);`;

/** Moments [chunks, 2, C] of the rows of each chunk: the mean, and the sum of squared deviations from it. */
const MOMENTS: Shader = {
  name: "batch-norm-moments",
  inputs: { x: 1 },
  output: 1,
  uniforms: ["total", "rows", "channels"],
  code: `
    fn main(index : i32) {
      ${CHUNK_OF_THREAD}
      let pivot = x[first * channels + c];
      var sum = 0.0;
      for (var row = first + 1; row < end; row++) { sum += x[row * channels + c] - pivot; }
      let mean = pivot + sum / f32(end - first);
      var squares = 0.0;
      for (var row = first; row < end; row++) {
        let deviation = x[row * channels + c] - mean;
        squares += deviation * deviation;
      }
      result[chunk * 2 * channels + c] = mean;
      result[(chunk * 2 + 1) * channels + c] = squares;
    }`,
};

/**
 * The moments of `end - first` chunks of `size` rows, of which the last one may have fewer. Chan, Golub & LeVeque
 * 1983, for many parts at once.
 */
const MERGE = `
  fn rowsOf(chunk : i32) -> f32 {
    return f32(min(uniforms.size, uniforms.samples - chunk * uniforms.size));
  }
  fn mergedMean(first : i32, end : i32, c : i32) -> f32 {
    let channels = uniforms.channels;
    let pivot = moments[first * 2 * channels + c];
    var sum = 0.0;
    var rows = 0.0;
    for (var chunk = first; chunk < end; chunk++) {
      sum += rowsOf(chunk) * (moments[chunk * 2 * channels + c] - pivot);
      rows += rowsOf(chunk);
    }
    return pivot + sum / rows;
  }
  fn mergedSquares(first : i32, end : i32, c : i32, mean : f32) -> f32 {
    let channels = uniforms.channels;
    var squares = 0.0;
    for (var chunk = first; chunk < end; chunk++) {
      let deviation = moments[chunk * 2 * channels + c] - mean;
      squares += moments[(chunk * 2 + 1) * channels + c] + rowsOf(chunk) * deviation * deviation;
    }
    return squares;
  }`;

const MERGE_UNIFORMS = ["total", "rows", "channels", "size", "samples"];

const MERGED: Shader = {
  name: "batch-norm-merged",
  inputs: { moments: 1 },
  output: 1,
  uniforms: MERGE_UNIFORMS,
  code: `
    ${MERGE}
    fn main(index : i32) {
      ${CHUNK_OF_THREAD}
      let mean = mergedMean(first, end, c);
      result[chunk * 2 * channels + c] = mean;
      result[(chunk * 2 + 1) * channels + c] = mergedSquares(first, end, c, mean);
    }`,
};

const MEAN: Shader = {
  name: "batch-norm-mean",
  inputs: { moments: 1 },
  output: 1,
  uniforms: MERGE_UNIFORMS,
  code: `
    ${MERGE}
    fn main(index : i32) {
      if (index < uniforms.total) { result[index] = mergedMean(0, uniforms.rows, index); }
    }`,
};

const VARIANCE: Shader = {
  name: "batch-norm-variance",
  inputs: { moments: 1, mean: 1 },
  output: 1,
  uniforms: MERGE_UNIFORMS,
  code: `
    ${MERGE}
    fn main(index : i32) {
      if (index >= uniforms.total) { return; }
      result[index] = mergedSquares(0, uniforms.rows, index, mean[index]) / f32(uniforms.samples);
    }`,
};

/** y before rectification, and 1 / √(variance + ε). */
const NORMALISED = `
  fn scaleOf(c : i32) -> f32 { return inverseSqrt(variance[c] + uniforms.fEpsilon); }
  fn normalised(i : i32, c : i32) -> f32 { return (x[i] - mean[c]) * scaleOf(c); }`;

const NORMALISE: Shader = {
  name: "batch-norm-normalise",
  inputs: { x: 1, gamma: 1, beta: 1, mean: 1, variance: 1 },
  output: 1,
  uniforms: ["total", "channels", "relu", "fEpsilon"],
  code: `
    ${NORMALISED}
    fn main(index : i32) {
      if (index >= uniforms.total) { return; }
      let c = index % uniforms.channels;
      let y = normalised(index, c) * gamma[c] + beta[c];
      // Not max: that would hide NaN.
      result[index] = select(y, 0.0, uniforms.relu == 1 && y < 0.0);
    }`,
};

/** dy where the rectifier is open, else 0. */
const OPEN_GRADIENT = `
  ${NORMALISED}
  fn openGradient(i : i32, c : i32) -> f32 {
    let isShut = uniforms.relu == 1 && normalised(i, c) * gamma[c] + beta[c] <= 0.0;
    return select(dy[i], 0.0, isShut);
  }`;

const GRADIENT_INPUTS = { dy: 1, x: 1, gamma: 1, beta: 1, mean: 1, variance: 1 } as const;

/** The sums [chunks, 2, C] over the rows of each chunk: of dy times the normalised x, and of dy. */
const GRADIENT_SUMS: Shader = {
  name: "batch-norm-gradient-sums",
  inputs: GRADIENT_INPUTS,
  output: 1,
  uniforms: ["total", "rows", "channels", "relu", "fEpsilon"],
  code: `
    ${OPEN_GRADIENT}
    fn main(index : i32) {
      ${CHUNK_OF_THREAD}
      var products = 0.0;
      var sum = 0.0;
      for (var row = first; row < end; row++) {
        let at = row * channels + c;
        let gradient = openGradient(at, c);
        products += gradient * normalised(at, c);
        sum += gradient;
      }
      result[chunk * 2 * channels + c] = products;
      result[(chunk * 2 + 1) * channels + c] = sum;
    }`,
};

const INPUT_GRADIENT: Shader = {
  name: "batch-norm-input-gradient",
  inputs: { ...GRADIENT_INPUTS, sums: 1 },
  output: 1,
  uniforms: ["total", "channels", "relu", "fEpsilon", "fRows"],
  code: `
    ${OPEN_GRADIENT}
    fn main(index : i32) {
      if (index >= uniforms.total) { return; }
      let c = index % uniforms.channels;
      let product = sums[c] / uniforms.fRows;
      let mean = sums[uniforms.channels + c] / uniforms.fRows;
      let change = openGradient(index, c) - mean - normalised(index, c) * product;
      result[index] = gamma[c] * scaleOf(c) * change;
    }`,
};

const PART: Shader = {
  name: "batch-norm-part",
  inputs: { sums: 1 },
  output: 1,
  uniforms: ["total", "offset"],
  code: `
    fn main(index : i32) {
      if (index < uniforms.total) { result[index] = sums[uniforms.offset + index]; }
    }`,
};

/** The moments of all rows, as those of at most {@link CHUNK} chunks of `size` rows. */
function momentsOf(backend: WebGPUBackend, x: tf.TensorInfo, samples: number, channels: number) {
  let rows = Math.ceil(samples / CHUNK);
  let size = CHUNK;
  let moments = makeTensor(backend, [rows, 2, channels]);
  const total = rows * channels;
  run(backend, MOMENTS, [x], { total, rows: samples, channels }, total, moments);
  while (rows > CHUNK) {
    const chunks = Math.ceil(rows / CHUNK);
    const merged = makeTensor(backend, [chunks, 2, channels]);
    const uniforms = { total: chunks * channels, rows, channels, size, samples };
    run(backend, MERGED, [moments], uniforms, uniforms.total, merged);
    backend.disposeData(moments.dataId);
    moments = merged;
    rows = chunks;
    size *= CHUNK;
  }
  return { moments, uniforms: { total: channels, rows, channels, size, samples } };
}

/** What is given for the channels of an x without rows. */
function zeros(backend: WebGPUBackend, channels: number): tf.TensorInfo {
  return backend.makeTensorInfo([channels], "float32", new Float32Array(channels));
}

export const batchNormTrainingConfig = kernelConfig(
  BatchNormTraining,
  "webgpu",
  ({ x, gamma, beta }, { epsilon, relu }, stockBackend) => {
    const backend = backendOf(stockBackend);
    const [channels] = gamma.shape as [number];
    const total = elements(x);
    const y = makeTensor(backend, x.shape);
    if (total === 0) return [y, zeros(backend, channels), zeros(backend, channels)];
    const [mean, variance] = [0, 1].map(() => makeTensor(backend, [channels]));
    const { moments, uniforms } = momentsOf(backend, x, total / channels, channels);
    run(backend, MEAN, [moments], uniforms, channels, mean);
    run(backend, VARIANCE, [moments, mean], uniforms, channels, variance);
    backend.disposeData(moments.dataId);
    const settings = { total, channels, relu: Number(relu), fEpsilon: epsilon };
    run(backend, NORMALISE, [x, gamma, beta, mean, variance], settings, total, y);
    return [y, mean, variance];
  },
);

type GradInputs = Record<"dy" | "x" | "gamma" | "beta" | "mean" | "variance", tf.TensorInfo>;

/**
 * The sums [2, C] that the gradients of x, gamma and beta share and that are asked for one after the other: of the last
 * call only, with the gradients of gamma and beta once they were asked for.
 */
interface GradientSums {
  /** What they were made of. */
  of: readonly unknown[];
  sums: tf.TensorInfo;
  params?: tf.TensorInfo[];
}

const remembered = new WeakMap<WebGPUBackend, GradientSums>();

function gradientSums(
  backend: WebGPUBackend,
  { dy, x, gamma, beta, mean, variance }: GradInputs,
  { epsilon, relu }: BatchNormTrainingAttrs,
): GradientSums {
  const of = [...[dy, x, gamma, beta, mean, variance].map(({ dataId }) => dataId), epsilon, relu];
  const last = remembered.get(backend);
  if (last?.of.every((value, i) => value === of[i])) return last;
  for (const { dataId } of last ? [last.sums, ...(last.params ?? [])] : []) {
    // The engine, which counts what it was given, must hear of the end of that.
    if (backend.disposeData(dataId)) tf.engine().removeDataId(dataId, backend);
  }
  const [channels] = gamma.shape as [number];
  const rows = elements(x) / channels;
  const chunks = Math.ceil(rows / CHUNK);
  const total = chunks * channels;
  const partial = makeTensor(backend, [chunks, 2, channels]);
  const uniforms = { total, rows, channels, relu: Number(relu), fEpsilon: epsilon };
  run(backend, GRADIENT_SUMS, [dy, x, gamma, beta, mean, variance], uniforms, total, partial);
  const sums = sumAxis(backend, partial, { outer: 1, length: chunks, inner: 2 * channels });
  backend.disposeData(partial.dataId);
  const found = { of, sums };
  remembered.set(backend, found);
  return found;
}

export const batchNormTrainingGradConfig = kernelConfig(
  BatchNormTrainingGrad,
  "webgpu",
  (inputs, attrs, stockBackend) => {
    const backend = backendOf(stockBackend);
    const { dy, x, gamma, beta, mean, variance } = inputs;
    const dx = makeTensor(backend, x.shape);
    const total = elements(x);
    if (total === 0) return dx;
    const { sums } = gradientSums(backend, inputs, attrs);
    const [channels] = gamma.shape as [number];
    const settings = { relu: Number(attrs.relu), fEpsilon: attrs.epsilon, fRows: total / channels };
    const buffers = [dy, x, gamma, beta, mean, variance, sums];
    run(backend, INPUT_GRADIENT, buffers, { total, channels, ...settings }, total, dx);
    return dx;
  },
);

export const batchNormTrainingParamGradConfig = kernelConfig(
  BatchNormTrainingParamGrad,
  "webgpu",
  (inputs, attrs, stockBackend) => {
    const backend = backendOf(stockBackend);
    const [channels] = inputs.gamma.shape as [number];
    if (elements(inputs.x) === 0) return [zeros(backend, channels), zeros(backend, channels)];
    const found = gradientSums(backend, inputs, attrs);
    found.params ??= [0, channels].map((offset) => {
      const part = makeTensor(backend, [channels]);
      run(backend, PART, [found.sums], { total: channels, offset }, channels, part);
      return part;
    });
    return found.params.map((param) => {
      backend.incRef(param.dataId);
      return { ...param };
    });
  },
);
