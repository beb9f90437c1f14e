// The coordinates that ring weights are trained in.
//
// Neighbouring pixels are similar, so the sums over neighbouring rings are nearly equal, and the mixture makes them
// even more so. Patterns differ in the small differences between rings, and an optimiser that moves each ring weight
// separately hardly moves those: training crawls. In white coordinates v the weights are w = T v with
//
//   C = Cov(S_l, S_m) = Σ_{a on ring l} Σ_{b on ring m} ρ(|a - b|),     ρ(d) = (1 - ε) exp(-d / λ) + ε [d = 0]
//   T = γ (G C Gᵀ)^(-α/2)                              G the mixture at its initial widths, or the identity
//
// For α = 1, on images whose pixels are correlated over λ positions, all coordinates of v are uncorrelated and have
// the same influence. The root is the symmetric one: of all white coordinates, those nearest to the rings (ZCA, Bell
// and Sejnowski 1997, https://doi.org/10.1016/S0042-6989(97)00121-1). But then profiles that change fast from ring to
// ring are learnt as easily as smooth ones, and on a square grid those change under a turn by 45°. α = ½ is half way
// between white coordinates and the rings (α = 0). With γ = 2 √(n / Σ_r e_r^(1-α)), n the positions on rings and
// e_r the eigenvalues of G C Gᵀ, v has about the variance of the weights of a dense kernel of that size, which usual
// learning rates are made for.

import { checkFits, columnsOf } from "./checks.ts";
import { describeValue } from "./errors.ts";
import { initialSigma, mixtureMatrix } from "./mixture.ts";
import type { RingPartition } from "./rings.ts";

/**
 * - `white`: coordinates whose inputs are uncorrelated; they learn several times as fast.
 * - `halfWhite`: half way, for networks that should perform the same at angles between quarter turns.
 * - `rings`: the weights of the rings themselves, as in the official package.
 */
export type RingBasis = "white" | "halfWhite" | "rings";

/** All bases. */
export const RING_BASES = ["white", "halfWhite", "rings"] as const satisfies readonly RingBasis[];

/** λ: the number of positions over which pixels are correlated. Its value, and that of ε, hardly matters. */
const CORRELATION_LENGTH = 2;
/** ε: the share of a pixel that is independent of its neighbours. */
const OWN_SHARE = 0.05;

/** The most kernel positions for which white coordinates are computed: 127 × 127, or 25³. */
const MAX_WHITE_POSITIONS = 2 ** 14;

/** The most rings for which white coordinates are computed. */
const MAX_WHITE_RINGS = 2 ** 8;

/** Eigenvalues are raised to at least this share of the largest; those of empty rings are 0. */
const SMALLEST_EIGENVALUE = 1e-6;

/** White coordinates: `weights = matrix · v` and `v = inverse · weights`, both symmetric [R, R], row-major. */
export interface WhiteBasis {
  matrix: Float64Array;
  inverse: Float64Array;
  /** √(Σ_r γ² e_r^(1-α) / R) = 2 √(n / R), the divisor of initial values. */
  gain: number;
}

/** The default coordinates for a partition's weights: white ones, unless they take too long to compute. */
export function defaultRingBasis({ index, numRings }: RingPartition): RingBasis {
  return index.length <= MAX_WHITE_POSITIONS && numRings <= MAX_WHITE_RINGS ? "white" : "rings";
}

/**
 * The white or half-white coordinates of a partition's ring weights.
 * @param mixture whether the weights are mixed along the radius
 * @throws GmrError `invalid-argument` for more than 2¹⁴ kernel positions, or 256 rings
 */
export function whiteBasis(
  partition: RingPartition,
  mixture = true,
  basis: Exclude<RingBasis, "rings"> = "white",
): WhiteBasis {
  const { numRings, kernelSize, counts, index } = partition;
  const asked = `white coordinates of kernelSize ${describeValue(kernelSize)}`;
  checkFits(asked, index.length, "kernel positions", MAX_WHITE_POSITIONS);
  checkFits(`white coordinates of numRings ${numRings}`, numRings, "rings", MAX_WHITE_RINGS);
  let covariance = ringCovariance(partition);
  if (mixture) {
    const sigmas = new Array<number>(numRings).fill(Math.log(initialSigma(kernelSize[0], numRings)));
    const mix = mixtureMatrix(sigmas);
    covariance = congruent(mix, covariance, numRings);
  }
  const onRings = counts.reduce((a, b) => a + b, 0);
  const gain = 2 * Math.sqrt(onRings / numRings);
  const { values, vectors } = eigen(covariance, numRings);
  const floor = SMALLEST_EIGENVALUE * Math.max(...values);
  const spectrum = values.map((value) => Math.max(value, floor));
  const power = basis === "white" ? 1 : 0.5;
  const seen = spectrum.reduce((sum, value) => sum + value ** (1 - power), 0) / numRings;
  const factors = spectrum.map((value) => gain / Math.sqrt(seen) / value ** (power / 2));
  return {
    matrix: ofSpectrum(vectors, factors),
    inverse: ofSpectrum(
      vectors,
      factors.map((factor) => 1 / factor),
    ),
    gain,
  };
}

/**
 * A matrix [R, R] times weights [R, inner]: converts white coordinates to ring weights, or back.
 * @throws GmrError `invalid-shape` if the lengths do not fit
 */
export function changeBasis(matrix: ArrayLike<number>, weights: ArrayLike<number>): Float64Array {
  const rings = Math.sqrt(matrix.length);
  const inner = columnsOf("weights", weights, rings);
  const result = new Float64Array(weights.length);
  for (let l = 0; l < rings; l++) {
    for (let r = 0; r < rings; r++) {
      const share = matrix[l * rings + r];
      for (let i = 0; i < inner; i++) result[l * inner + i] += share * weights[r * inner + i];
    }
  }
  return result;
}

/** C, [R, R]. */
function ringCovariance({ kernelSize, index, numRings }: RingPartition): Float64Array {
  const size = [1, 1, ...kernelSize].slice(-3);
  // ρ by offset along each axis.
  const table = new Float64Array(index.length);
  for (let i = 0, z = 0; z < size[0]; z++) {
    for (let y = 0; y < size[1]; y++) {
      for (let x = 0; x < size[2]; x++, i++) {
        const distance = Math.sqrt(z * z + y * y + x * x);
        table[i] =
          (1 - OWN_SHARE) * Math.exp(-distance / CORRELATION_LENGTH) + (distance === 0 ? OWN_SHARE : 0);
      }
    }
  }
  const positions = Array.from(index.keys()).filter((position) => index[position] >= 0);
  const at = (position: number): [number, number, number] => [
    Math.floor(position / (size[1] * size[2])),
    Math.floor(position / size[2]) % size[1],
    position % size[2],
  ];
  const places = positions.map(at);
  const covariance = new Float64Array(numRings * numRings);
  positions.forEach((position, i) => {
    const [z, y, x] = places[i];
    // Mirror images of a position contribute the same: only one is computed.
    const offsets = [z, y, x].map((place, axis) => place - (size[axis] - 1) / 2);
    if (offsets.some((offset) => offset < 0)) return;
    const alike = 2 ** offsets.filter((offset) => offset > 0).length;
    const row = index[position] * numRings;
    positions.forEach((other, j) => {
      const [a, b, c] = places[j];
      const offset = (Math.abs(a - z) * size[1] + Math.abs(b - y)) * size[2] + Math.abs(c - x);
      covariance[row + index[other]] += alike * table[offset];
    });
  });
  return covariance;
}

/** M C Mᵀ of square matrices. */
function congruent(m: Float64Array, c: Float64Array, size: number): Float64Array {
  const half = changeBasis(m, c);
  const transposed = half.map((_, i) => half[(i % size) * size + Math.floor(i / size)]);
  return changeBasis(m, transposed);
}

/**
 * Eigenvalues and eigenvectors, in columns, of a symmetric matrix, by Jacobi's rotations (Golub and Van Loan, §8.5).
 */
function eigen(matrix: Float64Array, size: number): { values: Float64Array; vectors: Float64Array } {
  const a = Float64Array.from(matrix);
  const vectors = new Float64Array(size * size);
  for (let i = 0; i < size; i++) vectors[i * size + i] = 1;
  const rotate = (m: Float64Array, i: number, j: number, c: number, s: number): void => {
    const [x, y] = [m[i], m[j]];
    m[i] = c * x - s * y;
    m[j] = s * x + c * y;
  };
  for (let sweep = 0; sweep < 60; sweep++) {
    let turned = false;
    for (let p = 0; p < size; p++) {
      for (let q = p + 1; q < size; q++) {
        const off = a[p * size + q];
        if (Math.abs(off) <= 1e-15 * Math.sqrt(Math.abs(a[p * size + p] * a[q * size + q]))) continue;
        turned = true;
        const tau = (a[q * size + q] - a[p * size + p]) / (2 * off);
        const t = (tau >= 0 ? 1 : -1) / (Math.abs(tau) + Math.sqrt(1 + tau * tau));
        const c = 1 / Math.sqrt(1 + t * t);
        const s = t * c;
        for (let k = 0; k < size; k++) rotate(a, k * size + p, k * size + q, c, s);
        for (let k = 0; k < size; k++) rotate(a, p * size + k, q * size + k, c, s);
        for (let k = 0; k < size; k++) rotate(vectors, k * size + p, k * size + q, c, s);
      }
    }
    if (!turned) break;
  }
  return { values: Float64Array.from({ length: size }, (_, i) => a[i * size + i]), vectors };
}

/** V diag(values) Vᵀ. */
function ofSpectrum(vectors: Float64Array, values: Float64Array): Float64Array {
  const size = values.length;
  return Float64Array.from({ length: size * size }, (_, at) => {
    const [row, column] = [Math.floor(at / size), at % size];
    let sum = 0;
    for (let k = 0; k < size; k++) sum += vectors[row * size + k] * values[k] * vectors[column * size + k];
    return sum;
  });
}
