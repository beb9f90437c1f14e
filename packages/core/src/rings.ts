// The ring partition: which ring each position of a kernel belongs to.
//
// Let d be the Euclidean distance of a kernel position to the kernel's centre and k₀ the kernel's first size.
//
//   circular (default)   R = ⌊k₀/2⌋ + 1 rings between the R + 1 edges linspace(0, ⌊k₀/2⌋ + ½, R + 1):
//                        ring l = { edge_l ≤ d < edge_{l+1} }; positions farther out, the corners, are on no ring.
//   not circular         R = ⌊k₀/2⌋ + 2 rings from the R edges linspace(0, d_max, R): the same half-open rings,
//                        and the last ring is { d = d_max }, so that every position is on a ring.
//
// d depends only on squared offsets, so a partition is exactly symmetric under flips and under swaps of equal axes. The
// numbers are those of the official package gmr-conv 1.0.3 (https://pypi.org/project/gmr-conv/).

import { checkRank, type PerAxis, perAxis, product, type Rank } from "./axes.ts";
import { checkFits, checkKeys, checkPositiveInteger, type KeysOf } from "./checks.ts";
import { describeValue, GmrError } from "./errors.ts";

/** The most positions of a kernel: 1023 × 1023, or 101³. */
export const MAX_KERNEL_POSITIONS = 2 ** 20;

/** The most rings of a kernel. */
const MAX_RINGS = 2 ** 12;

/** Which ring each position of a kernel belongs to. */
export interface RingPartition {
  /** Kernel size per axis, 1 to 3 odd numbers. */
  readonly kernelSize: readonly number[];
  /** Number of rings R. Rings may be empty. */
  readonly numRings: number;
  readonly circular: boolean;
  /** [Πk] row-major over kernel positions: the ring of each, or -1 for a position outside every ring. */
  readonly index: Int32Array;
  /** [R] number of kernel positions on each ring. */
  readonly counts: Int32Array;
}

export interface RingOptions {
  /** Number of axes when `kernelSize` is one number. Default 2. */
  rank?: Rank | undefined;
  /** Number of rings R. Default {@link defaultNumRings}. */
  numRings?: number | undefined;
  /** Leave the corners out of every ring. Default true. */
  circular?: boolean | undefined;
}

const RING_OPTIONS: KeysOf<RingOptions> = { rank: true, numRings: true, circular: true };

/**
 * The ring partition of a kernel.
 *
 * With `numRings: 1` and `circular: false`, the only edge is 0, so the one ring is just the centre, as in the official
 * package.
 *
 * @param kernelSize one odd number for a cube of `rank` axes, or 1 to 3 odd numbers
 * @throws GmrError `invalid-argument` for even, zero, negative or fractional sizes, an unknown option, a rank that is not 1, 2 or 3, a
 *   `numRings` that is not a positive integer, more than {@link MAX_KERNEL_POSITIONS} or 4096 rings; `invalid-shape` if
 *   `kernelSize` is a list whose length is not `rank`
 */
export function ringPartition(kernelSize: PerAxis, options: RingOptions = {}): RingPartition {
  const size = checkKernelSize(
    kernelSize,
    checkKeys("the options of ringPartition", options, RING_OPTIONS).rank,
  );
  const circular = options.circular ?? true;
  const distances = centreDistances(size);
  const numRings = checkNumRings(options.numRings ?? defaultNumRings(size, circular));
  const edges = circular
    ? linspace(Math.floor(size[0] / 2) + 0.5, numRings + 1)
    : linspace(distances[0], numRings); // the first position is a corner: no distance is larger

  const index = new Int32Array(distances.length).fill(-1);
  const counts = new Int32Array(numRings);
  distances.forEach((distance, position) => {
    const ring = ringOf(distance, edges, circular);
    index[position] = ring;
    if (ring >= 0) counts[ring]++;
  });
  return { kernelSize: size, numRings, circular, index, counts };
}

/** The default number of rings of a kernel: ⌊k₀/2⌋ + 1, one more if not circular. */
export function defaultNumRings(kernelSize: PerAxis, circular = true): number {
  const first = typeof kernelSize === "number" ? kernelSize : kernelSize[0];
  return Math.floor(first / 2) + (circular ? 1 : 2);
}

/**
 * The partition as 0/1 masks of shape [R, Πk], row-major.
 * @throws GmrError `invalid-argument` if they have more than 2²⁸ elements
 */
export function ringMasks(partition: RingPartition): Float64Array {
  const positions = partition.index.length;
  const { numRings, kernelSize } = partition;
  const asked = `numRings ${numRings} with kernelSize ${describeValue(kernelSize)}`;
  const masks = new Float64Array(checkFits(asked, numRings * positions, "shares of positions in rings"));
  partition.index.forEach((ring, position) => {
    if (ring >= 0) masks[ring * positions + position] = 1;
  });
  return masks;
}

/**
 * [Πk] row-major: the Euclidean distance of each kernel position to the centre, in kernel positions.
 * @throws GmrError `invalid-argument` if there are more than {@link MAX_KERNEL_POSITIONS}
 */
export function centreDistances(kernelSize: readonly number[]): Float64Array {
  const positions = product(kernelSize);
  checkFits(`kernelSize ${describeValue(kernelSize)}`, positions, "kernel positions", MAX_KERNEL_POSITIONS);
  const distances = new Float64Array(positions);
  for (let position = 0; position < distances.length; position++) {
    let rest = position;
    let squared = 0;
    for (let axis = kernelSize.length - 1; axis >= 0; axis--) {
      const offset = (rest % kernelSize[axis]) - Math.floor(kernelSize[axis] / 2);
      rest = Math.floor(rest / kernelSize[axis]);
      squared += offset * offset;
    }
    distances[position] = Math.sqrt(squared);
  }
  return distances;
}

function checkKernelSize(kernelSize: PerAxis, rank: number | undefined): readonly number[] {
  const name = rank === undefined ? "the number of axes of kernelSize" : "rank";
  const axes = rank ?? (Array.isArray(kernelSize) ? kernelSize.length : 2);
  return perAxis("kernelSize", kernelSize, checkRank(name, axes), checkOdd);
}

/**
 * Returns `value` if it is a valid number of rings.
 * @throws GmrError `invalid-argument` unless it is an integer from 1 to 4096
 */
export function checkNumRings(value: unknown): number {
  const numRings = checkPositiveInteger("numRings", value);
  return checkFits(`numRings ${numRings}`, numRings, "rings", MAX_RINGS);
}

function checkOdd(name: string, value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 1 && value % 2 === 1) return value;
  throw new GmrError(
    "invalid-argument",
    `${name} must be an odd positive integer, got ${describeValue(value)}`,
  );
}

/** `count` evenly spaced numbers from 0 to `stop`, rounded like numpy.linspace, since ring edges must agree. */
function linspace(stop: number, count: number): Float64Array {
  const step = stop / (count - 1);
  return Float64Array.from({ length: count }, (_, i) => (i === 0 ? 0 : i === count - 1 ? stop : i * step));
}

function ringOf(distance: number, edges: Float64Array, circular: boolean): number {
  const last = edges.length - 1;
  if (distance >= edges[last]) return !circular && distance === edges[last] ? last : -1;
  // The edges are evenly spaced, up to rounding.
  let ring = Math.floor((distance / edges[last]) * last);
  while (distance < edges[ring]) ring--;
  while (distance >= edges[ring + 1]) ring++;
  return ring;
}
