// Tiles of output pixels for the fused shader, and the patches of the padded source that their taps reach.

import type { Size3 } from "@gmr-conv/tfjs";
import { type Gather, volume } from "./gather.ts";
import { fours } from "./pad.ts";
import { STEP, tileBytes } from "./tile.ts";

export interface Patch {
  /** Output pixels of a tile. */
  tile: Size3;
  /** Pixels of the padded source that they need. */
  size: Size3;
  /** Fours of channels that lie in workgroup memory together. */
  depth: number;
  /** Fours that workgroup memory holds for it: few different numbers, since each is a shader of its own. */
  capacity: number;
}

/** Kernel's reach along an axis, gaps included. */
const reach = ({ paddedSize, outSize, strides }: Gather, axis: 0 | 1 | 2): number =>
  paddedSize[axis] - (outSize[axis] - 1) * strides[axis];

/** Fours by which the memory of patches grows. */
const UNIT = 64;

/**
 * The box of `pixels` output pixels whose patches are read least; undefined where none fits.
 * @param memory bytes of workgroup memory for the whole shader
 */
export function patchFor(gather: Gather, pixels: 32 | 64, memory: number): Patch | undefined {
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
  // Kernels of few slots take several fours of channels together, so that steps are full.
  const wanted = Math.min(Math.ceil(STEP / gather.slots.length), fours(gather.inChannels));
  const depth = Math.max(1, Math.min(wanted, Math.floor(room / volume(size))));
  return { tile, size, depth, capacity: Math.ceil((volume(size) * depth) / UNIT) * UNIT };
}

/** The table of the taps of each slot (see `tapTable`) for a patch instead of the whole padded source. */
export function tapsInPatch({ taps, paddedSize }: Gather, { size }: Patch): number[][] {
  return taps.map((list) =>
    list.map((at) => {
      const x = at % paddedSize[2];
      const y = Math.floor(at / paddedSize[2]) % paddedSize[1];
      const z = Math.floor(at / paddedSize[2] / paddedSize[1]);
      return (z * size[1] + y) * size[2] + x;
    }),
  );
}
