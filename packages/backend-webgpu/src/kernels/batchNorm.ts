// Batch normalisation in training.

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

/** WGSL: the normalised x, and 1 / √(variance + ε). */
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

/** WGSL: dy where the rectifier is open, else 0. */
const OPEN_GRADIENT = `
  ${NORMALISED}
  fn openGradient(i : i32, c : i32) -> f32 {
    let isShut = uniforms.relu == 1 && normalised(i, c) * gamma[c] + beta[c] <= 0.0;
    return select(dy[i], 0.0, isShut);
  }`;

const GRADIENT_INPUTS = { dy: 1, x: 1, gamma: 1, beta: 1, mean: 1, variance: 1 } as const;

/** The sums [chunks, 2, C] over the rows of each chunk: of dy times the normalised x, and of dy alone. */
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

const settings = ({ epsilon, relu }: BatchNormTrainingAttrs) => ({ relu: Number(relu), fEpsilon: epsilon });

/** The inputs in the order of {@link GRADIENT_INPUTS}. */
const buffersOf = ({ dy, x, gamma, beta, mean, variance }: BatchNormGradInputs): tf.TensorInfo[] => [
  dy,
  x,
  gamma,
  beta,
  mean,
  variance,
];

/** The sums that the gradients of x, gamma and beta share. They are asked for one after the other. */
function gradientSums(gpu: Gpu, inputs: BatchNormGradInputs, attrs: BatchNormTrainingAttrs): GradientSums {
  const buffers = buffersOf(inputs);
  const sources = [...buffers.map(({ dataId }) => dataId), attrs.epsilon, attrs.relu];
  const found = gpu.gradientSums.find(sources);
  if (found) return found;
  gpu.gradientSums.forget(); // before new buffers are needed
  const [channels] = inputs.gamma.shape as [number];
  const rows = elements(inputs.x) / channels;
  const chunks = Math.ceil(rows / CHUNK);
  const total = chunks * channels;
  const partial = gpu.tensor([chunks, 2, channels]);
  gpu.run(GRADIENT_SUMS, buffers, { total, rows, channels, ...settings(attrs) }, total, partial);
  const made = { sums: sumAxis(gpu, partial, { outer: 1, length: chunks, inner: 2 * channels }) };
  gpu.dispose(partial);
  gpu.gradientSums.keep(sources, made);
  return made;
}

export const batchNormKernels = [
  webGpu.kernel(BatchNormTraining, ({ x, gamma, beta }, attrs, gpu) => {
    const [channels] = gamma.shape as [number];
    const total = elements(x);
    const y = gpu.tensor(x.shape);
    if (total === 0) return [y, gpu.zeros([channels]), gpu.zeros([channels])];
    const [mean, variance] = meanAndVariance(gpu, x, channels);
    const uniforms = { total, channels, ...settings(attrs) };
    gpu.run(NORMALISE, [x, gamma, beta, mean, variance], uniforms, total, y);
    return [y, mean, variance];
  }),

  webGpu.kernel(BatchNormTrainingGrad, (inputs, attrs, gpu) => {
    const dx = gpu.tensor(inputs.x.shape);
    const total = elements(dx);
    if (total === 0) return dx;
    const { sums } = gradientSums(gpu, inputs, attrs);
    const [channels] = inputs.gamma.shape as [number];
    const uniforms = { total, channels, ...settings(attrs), fRows: total / channels };
    gpu.run(INPUT_GRADIENT, [...buffersOf(inputs), sums], uniforms, total, dx);
    return dx;
  }),

  webGpu.kernel(BatchNormTrainingParamGrad, (inputs, attrs, gpu) => {
    const [channels] = inputs.gamma.shape as [number];
    if (elements(inputs.x) === 0) return [gpu.zeros([channels]), gpu.zeros([channels])];
    const found = gradientSums(gpu, inputs, attrs);
    found.params ??= [0, channels].map((offset) => {
      const part = gpu.tensor([channels]);
      gpu.run(PART, [found.sums], { total: channels, offset }, channels, part);
      return part;
    });
    return found.params.map((param) => gpu.share(param));
  }),
];
