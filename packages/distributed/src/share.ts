import { checkNonNegativeInteger, checkPositiveInteger, GmrError } from "@gmr-conv/core";

/**
 * The part of `count` things that falls to a rank: consecutive ones, the first ranks have one more if they cannot be
 * divided evenly.
 * @returns the first, and the one after the last
 * @throws GmrError `invalid-argument` unless `0 ≤ rank < size`
 */
export function shareOf(count: number, rank: number, size: number): [first: number, end: number] {
  checkNonNegativeInteger("count", count);
  checkPositiveInteger("size", size);
  if (checkNonNegativeInteger("rank", rank) >= size) {
    throw new GmrError("invalid-argument", `rank ${rank}, expected one of 0 to ${size - 1}`);
  }
  const [each, left] = [Math.floor(count / size), count % size];
  const first = rank * each + Math.min(rank, left);
  return [first, first + each + Number(rank < left)];
}
