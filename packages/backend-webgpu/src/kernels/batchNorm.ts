// Normalisation by statistics of x itself.

import {
  type BatchNormGradInputs,
  BatchNormTraining,
  type BatchNormTrainingAttrs,
  BatchNormTrainingGrad,
  BatchNormTrainingParamGrad,
} from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import { webGpu } from "../attach.ts";
import { elements, type Gpu, type GradientSums } from "../gpu.ts";
import { CHUNK_OF_THREAD, meanAndVariance } from "../moments.ts";
import type { Shader } from "../shader.ts";
import { CHUNK, sumAxis } from "../sumAxis.ts";

/** WGSL: the channel of an index and its statistics, the normalised x, and 1 / √(variance + ε). */
const NORMALISED = `
  fn imageOf(i : i32) -> i32 { return i / (uniforms.rows * uniforms.channels); }
  fn statisticsOf(i : i32) -> i32 { return imageOf(i) * uniforms.channels + i % uniforms.channels; }
  fn scaleOf(i : i32) -> f32 { return inverseSqrt(variance[statisticsOf(i)] + uniforms.fEpsilon); }
  fn normalised(i : i32) -> f32 { return (x[i] - mean[statisticsOf(i)]) * scaleOf(i); }`;

const NORMALISE: Shader = {
  name: "batch-norm-normalise",
  inputs: { x: 1, gamma: 1, beta: 1, mean: 1, variance: 1 },
  output: 1,
  uniforms: ["total", "rows", "channels", "fEpsilon", "fSlope"],
  code: `
    ${NORMALISED}
    fn main(index : i32) {
      if (index >= uniforms.total) { return; }
      let c = index % uniforms.channels;
      let y = normalised(index) * gamma[c] + beta[c];
      // Not max: that would hide NaN.
      result[index] = select(y, select(y * uniforms.fSlope, 0.0, uniforms.fSlope == 0.0), y < 0.0);
    }`,
};

/** WGSL: dy where the rectifier is open, else its product with the slope. */
const OPEN_GRADIENT = `
  ${NORMALISED}
  fn openGradient(i : i32, c : i32) -> f32 {
    return select(dy[i], dy[i] * uniforms.fSlope, normalised(i) * gamma[c] + beta[c] <= 0.0);
  }`;

const GRADIENT_INPUTS = { dy: 1, x: 1, gamma: 1, beta: 1, mean: 1, variance: 1 } as const;

/** The sums [images, chunks, 2, C] over the rows of each chunk: of dy times the normalised x, and of dy alone. */
const GRADIENT_SUMS: Shader = {
  name: "batch-norm-gradient-sums",
  inputs: GRADIENT_INPUTS,
  output: 1,
  uniforms: ["total", "rows", "channels", "fEpsilon", "fSlope"],
  code: `
    ${OPEN_GRADIENT}
    fn main(index : i32) {
      ${CHUNK_OF_THREAD}
      var products = 0.0;
      var sum = 0.0;
      for (var row = first; row < end; row++) {
        let at = row * channels + c;
        let gradient = openGradient(at, c);
        products += gradient * normalised(at);
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
  uniforms: ["total", "rows", "channels", "fEpsilon", "fSlope"],
  code: `
    ${OPEN_GRADIENT}
    fn main(index : i32) {
      if (index >= uniforms.total) { return; }
      let c = index % uniforms.channels;
      let at = imageOf(index) * 2 * uniforms.channels + c;
      let product = sums[at] / f32(uniforms.rows);
      let mean = sums[at + uniforms.channels] / f32(uniforms.rows);
      let change = openGradient(index, c) - mean - normalised(index) * product;
      result[index] = gamma[c] * scaleOf(index) * change;
    }`,
};

/** A part of the sums as a tensor of its own. */
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

/** Images with statistics of their own, and the uniforms that all shaders have. */
function settings(x: tf.TensorInfo, { epsilon, slope, perImage }: BatchNormTrainingAttrs) {
  const images = perImage ? x.shape[0] : 1;
  const channels = x.shape[x.shape.length - 1];
  const rows = elements(x) / (images * channels);
  return { images, uniforms: { rows, channels, fEpsilon: epsilon, fSlope: slope } };
}

/** The inputs in the order of {@link GRADIENT_INPUTS}. */
const buffersOf = ({ dy, x, gamma, beta, mean, variance }: BatchNormGradInputs): tf.TensorInfo[] => [
  dy,
  x,
  gamma,
  beta,
  mean,
  variance,
];

/** The sums [images, 2, C] that the gradients of x, gamma and beta share. They are asked for one after the other. */
function gradientSums(gpu: Gpu, inputs: BatchNormGradInputs, attrs: BatchNormTrainingAttrs): GradientSums {
  const buffers = buffersOf(inputs);
  const sources = [...buffers.map(({ dataId }) => dataId), attrs.epsilon, attrs.slope, attrs.perImage];
  const found = gpu.gradientSums.find(sources);
  if (found) return found;
  gpu.gradientSums.forget(); // before new buffers are needed
  const { images, uniforms } = settings(inputs.x, attrs);
  const { rows, channels } = uniforms;
  const chunks = Math.ceil(rows / CHUNK);
  const total = images * chunks * channels;
  const partial = gpu.tensor([images, chunks, 2, channels]);
  gpu.run(GRADIENT_SUMS, buffers, { total, ...uniforms }, total, partial);
  const made = { sums: sumAxis(gpu, partial, { outer: images, length: chunks, inner: 2 * channels }) };
  gpu.dispose(partial);
  gpu.gradientSums.keep(sources, made);
  return made;
}

/** dgamma and dbeta from the sums of the images. */
function paramsOf(gpu: Gpu, sums: tf.TensorInfo, images: number, channels: number): tf.TensorInfo[] {
  const all = images === 1 ? sums : sumAxis(gpu, sums, { outer: 1, length: images, inner: 2 * channels });
  const params = [0, channels].map((offset) => {
    const part = gpu.tensor([channels]);
    gpu.run(PART, [all], { total: channels, offset }, channels, part);
    return part;
  });
  if (all !== sums) gpu.dispose(all);
  return params;
}

export const batchNormKernels = [
  webGpu.kernel(BatchNormTraining, ({ x, gamma, beta }, attrs, gpu) => {
    const statistics = attrs.perImage ? [x.shape[0], ...gamma.shape] : gamma.shape;
    const total = elements(x);
    const y = gpu.tensor(x.shape);
    if (total === 0) return [y, gpu.zeros(statistics), gpu.zeros(statistics)];
    const [mean, variance] = meanAndVariance(gpu, x, statistics);
    const { uniforms } = settings(x, attrs);
    gpu.run(NORMALISE, [x, gamma, beta, mean, variance], { total, ...uniforms }, total, y);
    return [y, mean, variance];
  }),

  webGpu.kernel(BatchNormTrainingGrad, (inputs, attrs, gpu) => {
    const dx = gpu.tensor(inputs.x.shape);
    const total = elements(dx);
    if (total === 0) return dx;
    const { sums } = gradientSums(gpu, inputs, attrs);
    const { uniforms } = settings(inputs.x, attrs);
    gpu.run(INPUT_GRADIENT, [...buffersOf(inputs), sums], { total, ...uniforms }, total, dx);
    return dx;
  }),

  webGpu.kernel(BatchNormTrainingParamGrad, (inputs, attrs, gpu) => {
    const [channels] = inputs.gamma.shape as [number];
    if (elements(inputs.x) === 0) return [gpu.zeros([channels]), gpu.zeros([channels])];
    const found = gradientSums(gpu, inputs, attrs);
    found.params ??= paramsOf(gpu, found.sums, settings(inputs.x, attrs).images, channels);
    return found.params.map((param) => gpu.share(param));
  }),
];
