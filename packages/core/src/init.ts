// Initial values of ring weights. Fans are those of the folded kernel, not of the ring weights: the output's size
// depends on how many input pixels each weight multiplies.
//
// Weights have shape [R, Cin/groups, Cout]. For a transposed convolution, whose weights are [R, Cout/groups, Cin], swap
// the two channel counts. Source: He et al. 2015 (https://arxiv.org/abs/1502.01852), and the official package gmr-conv
// 1.0.3.

import { product } from "./axes.ts";
import { checkChannels } from "./channels.ts";
import { checkFits } from "./checks.ts";
import type { Random } from "./random.ts";
import type { RingPartition } from "./rings.ts";

/**
 * Initial ring weights of the official networks: normal with standard deviation √(2 / fan), where fan = Cout · Πk
 * is the fan-out of the folded kernel.
 *
 * @returns [R, Cin/groups, Cout]
 * @throws GmrError `invalid-argument` for channel counts that are not positive integers, `invalid-shape` if
 *   `groups` does not divide them
 */
export function kaimingNormalFanOut(
  partition: RingPartition,
  inChannels: number,
  outChannels: number,
  groups: number,
  random: Random,
): Float64Array {
  const count = weightCount(partition, inChannels, outChannels, groups);
  const std = Math.sqrt(2 / (outChannels * product(partition.kernelSize)));
  return draw(count, () => random.normal(0, std));
}

/**
 * As {@link kaimingNormalFanOut}, with the weights of ring l multiplied by n̄ / n_l, where n_l is its number of kernel
 * positions and n̄ their mean. A ring's sum grows with its size, so with equal weights a layer starts as a wide blur
 * dominated by the outermost ring; with these every ring has the same influence, and training starts much faster.
 *
 * @returns [R, Cin/groups, Cout]
 * @throws GmrError as {@link kaimingNormalFanOut}
 */
export function kaimingNormalRingMean(
  partition: RingPartition,
  inChannels: number,
  outChannels: number,
  groups: number,
  random: Random,
): Float64Array {
  const weights = kaimingNormalFanOut(partition, inChannels, outChannels, groups, random);
  const { counts, numRings } = partition;
  const mean = counts.reduce((a, b) => a + b, 0) / numRings;
  const inner = weights.length / numRings;
  return weights.map((weight, i) => (weight * mean) / Math.max(1, counts[Math.floor(i / inner)]));
}

/**
 * Ring weights for white coordinates (`whiteBasis` of `@gmr-conv/core/bases`): independent there, normal with standard
 * deviation 1 / √(R √(Cin Cout) / groups) / γ, a compromise between keeping the size of maps in the forward pass and
 * that of gradients.
 *
 * @returns [R, Cin/groups, Cout], in white coordinates
 * @throws GmrError as {@link kaimingNormalFanOut}
 */
export function whiteNormal(
  partition: RingPartition,
  inChannels: number,
  outChannels: number,
  groups: number,
  random: Random,
  gain: number,
): Float64Array {
  const count = weightCount(partition, inChannels, outChannels, groups);
  const channels = Math.sqrt(inChannels * outChannels) / groups;
  const std = 1 / Math.sqrt(partition.numRings * channels) / gain;
  return draw(count, () => random.normal(0, std));
}

/**
 * Initial ring weights of the official layer on its own: uniform in ±1/√fan, where fan = Cin/groups · Πk is the
 * fan-in of the folded kernel (Kaiming uniform with a = √5, the default of PyTorch's convolutions).
 *
 * @returns [R, Cin/groups, Cout]
 * @throws GmrError as {@link kaimingNormalFanOut}
 */
export function kaimingUniformFanIn(
  partition: RingPartition,
  inChannels: number,
  outChannels: number,
  groups: number,
  random: Random,
): Float64Array {
  const count = weightCount(partition, inChannels, outChannels, groups);
  const bound = 1 / Math.sqrt((inChannels / groups) * product(partition.kernelSize));
  return draw(count, () => random.uniform(-bound, bound));
}

function weightCount(
  partition: RingPartition,
  inChannels: number,
  outChannels: number,
  groups: number,
): number {
  checkChannels("inChannels", inChannels, groups);
  checkChannels("outChannels", outChannels, groups);
  const asked = `inChannels ${inChannels} with outChannels ${outChannels}`;
  return checkFits(asked, partition.numRings * (inChannels / groups) * outChannels, "ring weights");
}

function draw(count: number, next: () => number): Float64Array {
  return Float64Array.from({ length: count }, next);
}
