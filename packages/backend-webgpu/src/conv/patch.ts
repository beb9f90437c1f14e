// Tiles of output pixels for the fused shader, and the patches of the padded source that their taps reach.

import { type Gather, type Size3, volume } from "@gmr-conv/tfjs";
import { fours } from "../shader.ts";
import { STEP, type TileSide, tileBytes } from "./tile.ts";

export interface Patch {
  /** Output pixels of a tile. */
  tile: Size3;
  /** Pixels of the padded source that they need. */
  size: Size3;
  /** Fours of channels that lie in workgroup memory together. */
  depth: number;
  /** Fours that workgroup memory holds for it: one of few numbers, since each needs a shader of its own. */
  capacity: number;
}

/** How far the kernel reaches along an axis, gaps included. */
const reach = ({ paddedSize, outSize, strides }: Gather, axis: 0 | 1 | 2): number =>
  paddedSize[axis] - (outSize[axis] - 1) * strides[axis];

/** Step in which the memory of patches grows, in fours. */
const UNIT = 64;

/**
 * The box of `pixels` output pixels for which least is read; undefined if none fits.
 * @param memory bytes of workgroup memory for the whole shader
 */
export function patchFor(gather: Gather, pixels: TileSide, memory: number): Patch | undefined {
  const room = Math.floor((memory - tileBytes(pixels)) / 16 / UNIT) * UNIT;
  const { outSize, strides } = gather;
  let best: { tile: Size3; size: Size3; cost: number } | undefined;
  for (let depth = 1; depth <= pixels; depth *= 2) {
    for (let height = 1; depth * height <= pixels; height *= 2) {
      const tile: Size3 = [depth, height, pixels / depth / height];
      const extent = (axis: 0 | 1 | 2): number => (tile[axis] - 1) * strides[axis] + reach(gather, axis);
      const size: Size3 = [extent(0), extent(1), extent(2)];
      if (volume(size) > room) continue;
      const tiles = tile.reduce((count, pixels, axis) => count * Math.ceil(outSize[axis] / pixels), 1);
      // A tile also costs a product.
      const cost = tiles * (volume(size) + pixels * gather.slots.length);
      if (!best || cost < best.cost) best = { tile, size, cost };
    }
  }
  if (!best) return undefined;
  const { tile, size } = best;
  // Kernels with few slots take several fours of channels at a time, so that steps are full.
  const wanted = Math.min(Math.ceil(STEP / gather.slots.length), fours(gather.inChannels));
  const depth = Math.max(1, Math.min(wanted, Math.floor(room / volume(size))));
  return { tile, size, depth, capacity: Math.ceil((volume(size) * depth) / UNIT) * UNIT };
}
