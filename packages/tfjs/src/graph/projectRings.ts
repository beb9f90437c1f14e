// The ring weights nearest to a dense kernel.

import { foldKernelGrad, product, type RingPartition } from "@gmr-conv/core";

/**
 * A kernel zero-padded or cropped to other sizes, with its centre kept in place under "same" padding. The centre of an
 * even size is the position before its half.
 * @param kernel [...from, inner], row-major
 * @returns [...to, inner]
 */
export function recentreKernel(
  kernel: ArrayLike<number>,
  from: readonly number[],
  to: readonly number[],
): Float64Array {
  const inner = kernel.length / product(from);
  const result = new Float64Array(product(to) * inner);
  const position = from.map(() => 0);
  for (let p = 0; p < product(from); p++) {
    let rest = p;
    for (let axis = from.length - 1; axis >= 0; axis--) {
      const middle = Math.floor((from[axis] - 1) / 2);
      position[axis] = (rest % from[axis]) - middle + (to[axis] - 1) / 2;
      rest = Math.floor(rest / from[axis]);
    }
    if (position.some((at, axis) => at < 0 || at >= to[axis])) continue;
    const target = position.reduce((index, at, axis) => index * to[axis] + at, 0);
    for (let i = 0; i < inner; i++) result[target * inner + i] = kernel[p * inner + i];
  }
  return result;
}

/**
 * The ring weights W' whose folded kernel is nearest to a dense one in least squares: the mean over each ring's
 * positions.
 * @param kernel [Πk, inner]
 * @returns [R, inner]; 0 on empty rings
 */
export function ringMeans(kernel: ArrayLike<number>, partition: RingPartition): Float64Array {
  const inner = kernel.length / partition.index.length;
  return foldKernelGrad(kernel, partition).map(
    (sum, i) => sum / Math.max(1, partition.counts[Math.floor(i / inner)]),
  );
}

/**
 * Undoes a mixture: solves W'_l = Σ_r G[r, l] w_r for w by elimination with pivoting.
 * @param mixed W', [R, inner]
 * @param matrix G, [R, R]
 * @returns [R, inner]
 */
export function unmixWeights(
  mixed: ArrayLike<number>,
  matrix: ArrayLike<number>,
  numRings: number,
): Float64Array {
  const inner = mixed.length / numRings;
  const weights = Float64Array.from(mixed);
  const rows = Array.from({ length: numRings }, (_, l) => ({
    coefficients: Float64Array.from({ length: numRings }, (_, r) => matrix[r * numRings + l]),
    values: weights.subarray(l * inner, (l + 1) * inner),
  }));
  for (let r = 0; r < numRings; r++) {
    const size = (l: number) => Math.abs(rows[l].coefficients[r]);
    let pivot = r;
    for (let l = r + 1; l < numRings; l++) if (size(l) > size(pivot)) pivot = l;
    [rows[r], rows[pivot]] = [rows[pivot], rows[r]];
    for (let l = 0; l < numRings; l++) {
      if (l === r) continue;
      const factor = rows[l].coefficients[r] / rows[r].coefficients[r];
      for (let c = r; c < numRings; c++) rows[l].coefficients[c] -= factor * rows[r].coefficients[c];
      for (let i = 0; i < inner; i++) rows[l].values[i] -= factor * rows[r].values[i];
    }
  }
  const solved = new Float64Array(mixed.length);
  rows.forEach(({ coefficients, values }, r) => {
    for (let i = 0; i < inner; i++) solved[r * inner + i] = values[i] / coefficients[r];
  });
  return solved;
}
