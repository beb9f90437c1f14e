// The sums of all output pixels, for some of them at a time where they would be too large.

import { type Gather, volume } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import type { Gpu, Limits } from "../gpu.ts";
import { fours } from "../shader.ts";
import { isPadded, padSource } from "./pad.ts";
import type { Plan } from "./plan.ts";
import { makeSums, ringSums } from "./sums.ts";

/** Output pixels whose sums are made at a time: `rows` from `first` on, all of images in one padded source. */
export interface Block {
  first: number;
  rows: number;
}

/** Images that are padded together, and the blocks of their pixels. */
interface Group {
  firstImage: number;
  images: number;
  blocks: Block[];
}

/** Groups and blocks within the limits, as far as one image or one pixel allows. */
function groupsOf(gather: Gather, { padBytes, sumBytes }: Limits): Group[] {
  const pixels = volume(gather.outSize);
  const imageBytes = 16 * volume(gather.paddedSize) * fours(gather.inChannels);
  const together = isPadded(gather) ? gather.images : Math.max(1, Math.floor(padBytes / imageBytes));
  const pixelBytes = 16 * gather.slots.length * fours(gather.inChannels);
  const block = Math.max(1, Math.floor(sumBytes / pixelBytes));
  const groups: Group[] = [];
  for (let firstImage = 0; firstImage < gather.images; firstImage += together) {
    const images = Math.min(together, gather.images - firstImage);
    const [begin, end] = [firstImage * pixels, (firstImage + images) * pixels];
    const blocks: Block[] = [];
    for (let first = begin; first < end; first += block)
      blocks.push({ first, rows: Math.min(block, end - first) });
    groups.push({ firstImage, images, blocks });
  }
  return groups;
}

/** Rows of the largest block. */
export const maxRows = (gather: Gather, limits: Limits): number =>
  Math.max(...groupsOf(gather, limits).map(({ blocks }) => blocks[0].rows));

/** Makes the sums of all output pixels, as many at a time as the limits allow, and hands them on. */
export function forEachBlock(
  gpu: Gpu,
  { problem: { gather }, taps }: Plan,
  x: tf.TensorInfo,
  use: (sums: tf.TensorInfo, block: Block) => void,
): void {
  const width = gather.slots.length * fours(gather.inChannels);
  const sums = makeSums(gpu, maxRows(gather, gpu.limits) * width);
  for (const { firstImage, images, blocks } of groupsOf(gather, gpu.limits)) {
    const padded = padSource(gpu, { ...gather, images }, x, firstImage);
    for (const block of blocks) {
      const first = block.first - firstImage * volume(gather.outSize);
      ringSums(gpu, gather, padded.tensor, taps, first, block.rows, sums);
      use(sums, block);
    }
    padded.release();
  }
  gpu.dispose(sums);
}
