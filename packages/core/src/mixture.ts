// The Gaussian mixture: smooths ring weights along the radius.
//
//   G[r,l] = exp(-½ ((l - r)/σ_r)²) / (σ_r · 2.5066)        σ_r = clip(exp(logσ_r), 0.01, 2R)
//   W'_l   = Σ_r G[r,l] w_r
//
// Ring r's weight is spread over all rings l by a Gaussian centred on r, whose width is trained. The Gaussians are not
// normalised over the rings. With z = (l - r)/σ_r, the derivative is ∂G[r,l]/∂logσ_r = G[r,l] (z² - 1) where
// σ_r is within its bounds (bounds included), and 0 beyond them. Source: the GMR-Conv paper
// (https://arxiv.org/abs/2504.02819) and the official package gmr-conv 1.0.3.

import { checkLength, checkPositiveInteger, columnsOf } from "./checks.ts";
import { describeValue, GmrError } from "./errors.ts";
import { checkNumRings } from "./rings.ts";

/** √(2π) to the digits that the official package uses; kept so that its checkpoints produce the same numbers. */
export const GAUSSIAN_NORM = 2.5066;

/** Full width at half maximum of a Gaussian, in units of σ, as the official package rounds it. */
const FWHM_PER_SIGMA = 2.355;

const MIN_SIGMA = 0.01;

/**
 * The initial σ of every ring: k₀ / (2(R - 1)) / 2.355, a Gaussian whose width at half maximum is the width of a
 * ring.
 *
 * For a single ring, where that formula divides by zero, σ is 1/2.5066, so that G = [1] and the layer starts as the
 * plain ring convolution.
 *
 * @param kernelSize0 the kernel's first size k₀, in kernel positions
 * @throws GmrError `invalid-argument` if either number is not a positive integer
 */
export function initialSigma(kernelSize0: number, numRings: number): number {
  checkPositiveInteger("kernelSize0", kernelSize0);
  checkNumRings(numRings);
  if (numRings === 1) return 1 / GAUSSIAN_NORM;
  return kernelSize0 / (2 * (numRings - 1)) / FWHM_PER_SIGMA;
}

/** The bounds [0.01, 2R] that σ is clipped to. */
export function sigmaBounds(numRings: number): readonly [min: number, max: number] {
  return [MIN_SIGMA, 2 * numRings];
}

/**
 * The mixture matrix G, row-major [R, L = R]: `G[r * R + l]` is the share of ring r's weight in ring l.
 *
 * @param logSigmas [R] natural logarithms of σ
 * @param numRings R, checked against the length of `logSigmas` if given
 * @throws GmrError `invalid-shape` if `logSigmas` has another length, `invalid-data` if it contains NaN,
 *   `invalid-argument` for no rings or more than 4096
 */
export function mixtureMatrix(logSigmas: ArrayLike<number>, numRings = logSigmas.length): Float64Array {
  checkLength("logSigmas", logSigmas, numRings, "one per ring");
  const matrix = new Float64Array(checkNumRings(numRings) ** 2);
  for (let r = 0; r < numRings; r++) {
    const sigma = clippedSigma(logSigmas[r], r, numRings);
    for (let l = 0; l < numRings; l++) {
      const z = (l - r) / sigma;
      matrix[r * numRings + l] = Math.exp(-0.5 * z * z) / (sigma * GAUSSIAN_NORM);
    }
  }
  return matrix;
}

/**
 * Mixes ring weights: W'_l = Σ_r G[r,l] w_r.
 *
 * @param weights [R, inner], where inner is whatever follows the ring axis (Cin/groups · Cout)
 * @param matrix G, [R, R]
 * @returns [L = R, inner]
 * @throws GmrError `invalid-shape` if the lengths do not fit `numRings`
 */
export function mixWeights(
  weights: ArrayLike<number>,
  matrix: ArrayLike<number>,
  numRings: number,
): Float64Array {
  const inner = columnsOf("weights", weights, numRings);
  checkLength("matrix", matrix, numRings * numRings, `[${numRings}, ${numRings}]`);
  const mixed = new Float64Array(weights.length);
  for (let r = 0; r < numRings; r++) {
    for (let l = 0; l < numRings; l++) {
      const share = matrix[r * numRings + l];
      for (let i = 0; i < inner; i++) mixed[l * inner + i] += share * weights[r * inner + i];
    }
  }
  return mixed;
}

/** Gradients of the ring weights [R, inner] and of logσ [R]. */
export interface MixGradients {
  weights: Float64Array;
  logSigmas: Float64Array;
}

/**
 * The adjoint of {@link mixWeights} with G = {@link mixtureMatrix}(logSigmas):
 * dw_r = Σ_l G[r,l] dW'_l and dlogσ_r = Σ_l G[r,l] (z² - 1) ⟨dW'_l, w_r⟩, the latter 0 where σ_r is clipped.
 *
 * @param weights [R, inner]
 * @param logSigmas [R]
 * @param gradMixed [R, inner], the gradient of W'
 * @throws GmrError `invalid-shape` if the lengths do not fit, `invalid-data` if `logSigmas` contains NaN
 */
export function mixWeightsGrad(
  weights: ArrayLike<number>,
  logSigmas: ArrayLike<number>,
  gradMixed: ArrayLike<number>,
): MixGradients {
  const numRings = logSigmas.length;
  const inner = columnsOf("weights", weights, numRings);
  checkLength("gradMixed", gradMixed, weights.length, "as many as weights");
  const matrix = mixtureMatrix(logSigmas);
  const [min, max] = sigmaBounds(numRings);
  const gradWeights = new Float64Array(weights.length);
  const gradLogSigmas = new Float64Array(numRings);
  for (let r = 0; r < numRings; r++) {
    const sigma = Math.exp(logSigmas[r]);
    const clipped = sigma < min || sigma > max;
    for (let l = 0; l < numRings; l++) {
      const share = matrix[r * numRings + l];
      let dot = 0;
      for (let i = 0; i < inner; i++) {
        gradWeights[r * inner + i] += share * gradMixed[l * inner + i];
        dot += gradMixed[l * inner + i] * weights[r * inner + i];
      }
      const z = (l - r) / sigma;
      if (!clipped) gradLogSigmas[r] += dot * share * (z * z - 1);
    }
  }
  return { weights: gradWeights, logSigmas: gradLogSigmas };
}

function clippedSigma(logSigma: number, ring: number, numRings: number): number {
  if (Number.isNaN(logSigma)) {
    throw new GmrError("invalid-data", `logSigmas[${ring}] must be a number, got ${describeValue(logSigma)}`);
  }
  const [min, max] = sigmaBounds(numRings);
  return Math.min(Math.max(Math.exp(logSigma), min), max);
}
