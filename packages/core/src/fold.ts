// Folding: from one weight per ring to a dense kernel, K[p] = W'_{ring(p)}, so that a stock convolution computes
// the ring convolution. With arbitrary masks M [R, Πk], which may be trained, K[p] = Σ_l M[l,p] W'_l.

import { checkLength, columnsOf } from "./checks.ts";
import type { RingPartition } from "./rings.ts";

/**
 * Folds ring weights to a dense kernel: K[p] = W'_{ring(p)}, and 0 outside every ring.
 *
 * @param ringWeights [R, inner], already mixed if the layer has a mixture
 * @returns [Πk, inner]; with inner = Cin/groups · Cout, the layout [...k, Cin/groups, Cout]
 * @throws GmrError `invalid-shape` if the length is not a multiple of the number of rings
 */
export function foldKernel(ringWeights: ArrayLike<number>, partition: RingPartition): Float64Array {
  const inner = columnsOf("ringWeights", ringWeights, partition.numRings);
  const kernel = new Float64Array(partition.index.length * inner);
  partition.index.forEach((ring, position) => {
    if (ring < 0) return;
    for (let i = 0; i < inner; i++) kernel[position * inner + i] = ringWeights[ring * inner + i];
  });
  return kernel;
}

/**
 * The adjoint of {@link foldKernel}: dW'_l = Σ_{p on ring l} dK[p].
 *
 * @param gradKernel [Πk, inner]
 * @returns [R, inner]
 * @throws GmrError `invalid-shape` if the length is not a multiple of the number of kernel positions
 */
export function foldKernelGrad(gradKernel: ArrayLike<number>, partition: RingPartition): Float64Array {
  const inner = columnsOf("gradKernel", gradKernel, partition.index.length);
  const grad = new Float64Array(partition.numRings * inner);
  partition.index.forEach((ring, position) => {
    if (ring < 0) return;
    for (let i = 0; i < inner; i++) grad[ring * inner + i] += gradKernel[position * inner + i];
  });
  return grad;
}

/**
 * Folds ring weights with arbitrary masks: K[p] = Σ_l M[l,p] W'_l.
 *
 * @param ringWeights [R, inner]
 * @param masks [R, Πk]
 * @returns [Πk, inner]
 * @throws GmrError `invalid-shape` if a length is not a multiple of `numRings`
 */
export function foldWithMasks(
  ringWeights: ArrayLike<number>,
  masks: ArrayLike<number>,
  numRings: number,
): Float64Array {
  const inner = columnsOf("ringWeights", ringWeights, numRings);
  const positions = columnsOf("masks", masks, numRings);
  const kernel = new Float64Array(positions * inner);
  for (let ring = 0; ring < numRings; ring++) {
    for (let position = 0; position < positions; position++) {
      const share = masks[ring * positions + position];
      for (let i = 0; i < inner; i++) kernel[position * inner + i] += share * ringWeights[ring * inner + i];
    }
  }
  return kernel;
}

/** Gradients of the (mixed) ring weights [R, inner] and of the masks [R, Πk]. */
export interface MaskFoldGradients {
  ringWeights: Float64Array;
  masks: Float64Array;
}

/**
 * The adjoint of {@link foldWithMasks}: dW'_l = Σ_p M[l,p] dK[p] and dM[l,p] = ⟨dK[p], W'_l⟩.
 *
 * @param gradKernel [Πk, inner]
 * @throws GmrError `invalid-shape` if the lengths do not fit `numRings` and each other
 */
export function foldWithMasksGrad(
  gradKernel: ArrayLike<number>,
  ringWeights: ArrayLike<number>,
  masks: ArrayLike<number>,
  numRings: number,
): MaskFoldGradients {
  const inner = columnsOf("ringWeights", ringWeights, numRings);
  const positions = columnsOf("masks", masks, numRings);
  checkLength("gradKernel", gradKernel, positions * inner, `[${positions}, ${inner}]`);
  const gradRingWeights = new Float64Array(ringWeights.length);
  const gradMasks = new Float64Array(masks.length);
  for (let ring = 0; ring < numRings; ring++) {
    for (let position = 0; position < positions; position++) {
      const share = masks[ring * positions + position];
      let dot = 0;
      for (let i = 0; i < inner; i++) {
        const grad = gradKernel[position * inner + i];
        gradRingWeights[ring * inner + i] += share * grad;
        dot += grad * ringWeights[ring * inner + i];
      }
      gradMasks[ring * positions + position] = dot;
    }
  }
  return { ringWeights: gradRingWeights, masks: gradMasks };
}
