// Float64 references that `@gmr-conv/core` does not have in this form.

import { mixtureMatrix, mixWeights } from "@gmr-conv/core";

export function referenceMixedWeights(
  weights: ArrayLike<number>,
  logSigmas: ArrayLike<number>,
): Float64Array {
  return mixWeights(weights, mixtureMatrix(logSigmas), logSigmas.length);
}

export interface BatchNormReference {
  y: Float64Array;
  mean: Float64Array;
  variance: Float64Array;
  gradX: Float64Array;
  gradGamma: Float64Array;
  gradBeta: Float64Array;
}

/**
 * Batch normalisation of x [rows, C] in training and its gradients for gradY (Ioffe & Szegedy 2015):
 * x̂ = (x - mean) / √(variance + ε), dx = γ/√(variance + ε) · (dy - mean(dy) - x̂ · mean(dy · x̂)).
 */
export function referenceBatchNorm(
  x: ArrayLike<number>,
  gamma: ArrayLike<number>,
  beta: ArrayLike<number>,
  gradY: ArrayLike<number>,
  epsilon: number,
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
    const meanGrad = average((i) => gradY[i]);
    const meanProduct = average((i) => gradY[i] * normalised(i));
    for (let i = c; i < x.length; i += channels) {
      result.y[i] = normalised(i) * gamma[c] + beta[c];
      result.gradX[i] = (gamma[c] / deviation) * (gradY[i] - meanGrad - normalised(i) * meanProduct);
    }
    result.mean[c] = mean;
    result.variance[c] = variance;
    result.gradGamma[c] = meanProduct * rows;
    result.gradBeta[c] = meanGrad * rows;
  }
  return result;
}
