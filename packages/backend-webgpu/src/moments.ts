// Mean and variance of the rows of [images, rows, C]. The moments of CHUNK rows at a time are merged, CHUNK at a time, until
// one is left.

import type * as tf from "@tensorflow/tfjs";
import { elements, type Gpu } from "./gpu.ts";
import type { Shader } from "./shader.ts";
import { CHUNK } from "./sumAxis.ts";

/**
 * WGSL: the channel and the rows `first` to `end - 1` of a thread, one of those of `chunk`. Each image has `rows` rows,
 * and chunks of its own.
 */
export const CHUNK_OF_THREAD = `
  if (index >= uniforms.total) { return; }
  let channels = uniforms.channels;
  let c = index % channels;
  let chunk = index / channels;
  let chunksOfImage = (uniforms.rows + ${CHUNK - 1}) / ${CHUNK};
  let firstOfImage = chunk / chunksOfImage * uniforms.rows;
  let first = firstOfImage + chunk % chunksOfImage * ${CHUNK};
  let end = min(first + ${CHUNK}, firstOfImage + uniforms.rows);`;

/** Moments [images, chunks, 2, C] of the rows of each chunk: the mean, and the sum of squared deviations from it. */
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
 * WGSL: the moments of `end - first` chunks of `size` rows, the last of which may have fewer. Chan, Golub & LeVeque
 * 1983, for many parts at once.
 */
const MERGE = `
  fn rowsOf(chunk : i32) -> f32 {
    return f32(min(uniforms.size, uniforms.samples - chunk % uniforms.rows * uniforms.size));
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
      if (index >= uniforms.total) { return; }
      let first = index / uniforms.channels * uniforms.rows;
      result[index] = mergedMean(first, first + uniforms.rows, index % uniforms.channels);
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
      let first = index / uniforms.channels * uniforms.rows;
      let squares = mergedSquares(first, first + uniforms.rows, index % uniforms.channels, mean[index]);
      result[index] = squares / f32(uniforms.samples);
    }`,
};

/** The moments of all rows of each image, as those of at most {@link CHUNK} chunks of `size` rows. */
function momentsOf(gpu: Gpu, x: tf.TensorInfo, images: number, channels: number) {
  const samples = elements(x) / (images * channels);
  let rows = Math.ceil(samples / CHUNK);
  let size = CHUNK;
  let moments = gpu.tensor([images, rows, 2, channels]);
  const total = images * rows * channels;
  gpu.run(MOMENTS, [x], { total, rows: samples, channels }, total, moments);
  while (rows > CHUNK) {
    const chunks = Math.ceil(rows / CHUNK);
    const merged = gpu.tensor([images, chunks, 2, channels]);
    const uniforms = { total: images * chunks * channels, rows, channels, size, samples };
    gpu.run(MERGED, [moments], uniforms, uniforms.total, merged);
    gpu.dispose(moments);
    moments = merged;
    rows = chunks;
    size *= CHUNK;
  }
  return { moments, uniforms: { total: images * channels, rows, channels, size, samples } };
}

/** Mean and variance of `shape`, [C] or [images, C], over the rows of x or those of each image. */
export function meanAndVariance(
  gpu: Gpu,
  x: tf.TensorInfo,
  shape: readonly number[],
): [tf.TensorInfo, tf.TensorInfo] {
  const channels = shape[shape.length - 1];
  const mean = gpu.tensor([...shape]);
  const variance = gpu.tensor([...shape]);
  const { moments, uniforms } = momentsOf(gpu, x, elements(mean) / channels, channels);
  gpu.run(MEAN, [moments], uniforms, uniforms.total, mean);
  gpu.run(VARIANCE, [moments, mean], uniforms, uniforms.total, variance);
  gpu.dispose(moments);
  return [mean, variance];
}
