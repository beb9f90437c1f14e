// Float64 references not available in this form in `@gmr-conv/core`.

import type { AdamWAttrs, SgdAttrs } from "../optimizerSteps.ts";

export interface BatchNormReference {
  y: Float64Array;
  mean: Float64Array;
  variance: Float64Array;
  gradX: Float64Array;
  gradGamma: Float64Array;
  gradBeta: Float64Array;
}

/**
 * Batch normalisation of x [rows, C] in training, with `relu` rectified, and its gradients for gradY (Ioffe &
 * Szegedy 2015), where dy is gradY where the rectifier is open:
 * x̂ = (x - mean) / √(variance + ε), dx = γ/√(variance + ε) · (dy - mean(dy) - x̂ · mean(dy · x̂)).
 */
export function referenceBatchNorm(
  x: ArrayLike<number>,
  gamma: ArrayLike<number>,
  beta: ArrayLike<number>,
  gradY: ArrayLike<number>,
  epsilon: number,
  slope = 1,
): BatchNormReference {
  const channels = gamma.length;
  const rows = x.length / channels;
  const result: BatchNormReference = {
    y: new Float64Array(x.length),
    mean: new Float64Array(channels),
    variance: new Float64Array(channels),
    gradX: new Float64Array(x.length),
    gradGamma: new Float64Array(channels),
    gradBeta: new Float64Array(channels),
  };
  for (let c = 0; c < channels; c++) {
    const average = (f: (i: number) => number): number => {
      let sum = 0;
      for (let i = c; i < x.length; i += channels) sum += f(i);
      return sum / rows;
    };
    const mean = average((i) => x[i]);
    const variance = average((i) => (x[i] - mean) ** 2);
    const deviation = Math.sqrt(variance + epsilon);
    const normalised = (i: number): number => (x[i] - mean) / deviation;
    const output = (i: number): number => normalised(i) * gamma[c] + beta[c];
    const dy = (i: number): number => (output(i) > 0 ? 1 : slope) * gradY[i];
    const meanGrad = average(dy);
    const meanProduct = average((i) => dy(i) * normalised(i));
    for (let i = c; i < x.length; i += channels) {
      result.y[i] = output(i) * (output(i) > 0 ? 1 : slope);
      result.gradX[i] = (gamma[c] / deviation) * (dy(i) - meanGrad - normalised(i) * meanProduct);
    }
    result.mean[c] = mean;
    result.variance[c] = variance;
    result.gradGamma[c] = meanProduct * rows;
    result.gradBeta[c] = meanGrad * rows;
  }
  return result;
}

/** The same for each of the images of x; mean and variance are [images, C]. */
export function referenceInstanceNorm(
  images: number,
  x: ArrayLike<number>,
  gamma: ArrayLike<number>,
  beta: ArrayLike<number>,
  gradY: ArrayLike<number>,
  epsilon: number,
  slope = 1,
): BatchNormReference {
  const size = x.length / images;
  const [pixels, gradients] = [x, gradY].map((values) => Float64Array.from(values));
  const parts = Array.from({ length: images }, (_, n) => {
    const [image, gradient] = [pixels, gradients].map((all) => all.subarray(n * size, (n + 1) * size));
    return referenceBatchNorm(image, gamma, beta, gradient, epsilon, slope);
  });
  const joined = (key: keyof BatchNormReference): Float64Array =>
    Float64Array.from(parts.flatMap((part) => [...part[key]]));
  const summed = (key: keyof BatchNormReference): Float64Array =>
    parts[0][key].map((_, c) => parts.reduce((sum, part) => sum + part[key][c], 0));
  return {
    ...{ y: joined("y"), mean: joined("mean"), variance: joined("variance"), gradX: joined("gradX") },
    ...{ gradGamma: summed("gradGamma"), gradBeta: summed("gradBeta") },
  };
}

/** The state an optimiser keeps for one parameter: the parameter itself, then its moments or its velocity. */
export type OptimizerState = readonly Float64Array[];

/** One step of AdamW (Loshchilov & Hutter 2019) for [parameter, first moment, second moment]. */
export function referenceAdamW(
  [parameter, first, second]: OptimizerState,
  gradient: ArrayLike<number>,
  { learningRate, beta1, beta2, epsilon, weightDecay, step }: AdamWAttrs,
): OptimizerState {
  const m = first.map((value, i) => beta1 * value + (1 - beta1) * gradient[i]);
  const v = second.map((value, i) => beta2 * value + (1 - beta2) * gradient[i] ** 2);
  const p = parameter.map((value, i) => {
    const root = Math.sqrt(v[i] / (1 - beta2 ** step)) + epsilon;
    return (1 - learningRate * weightDecay) * value - (learningRate * m[i]) / (1 - beta1 ** step) / root;
  });
  return [p, m, v];
}

/** One step of SGD with Nesterov momentum for [parameter, velocity]. */
export function referenceSgd(
  [parameter, velocity]: OptimizerState,
  gradient: ArrayLike<number>,
  { learningRate, momentum, weightDecay }: SgdAttrs,
): OptimizerState {
  const v = velocity.map((value, i) => momentum * value + gradient[i]);
  const p = parameter.map(
    (value, i) => (1 - learningRate * weightDecay) * value - learningRate * (momentum * v[i] + gradient[i]),
  );
  return [p, v];
}
