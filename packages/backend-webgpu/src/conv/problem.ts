// A convolution as a matrix product, whose size decides how it is computed.

import { type ConvUse, type Gather, volume } from "@gmr-conv/tfjs";
import { fours } from "../shader.ts";

/** A product of `rows` × `columns`, with the sums of a gather as one of its factors. */
export interface Problem {
  use: ConvUse;
  gather: Gather;
  rows: number;
  columns: number;
}

export function problemOf(use: ConvUse, gather: Gather): Problem {
  const { images, outSize, outChannels, inChannels, slots } = gather;
  const rows = use === "filter" ? slots.length * 4 * fours(inChannels) : images * volume(outSize);
  return { use, gather, rows, columns: outChannels };
}

/** For example `forward x[4,1,32,32,64] y[4,1,32,32,64] padded[1,40,40] slots 5/69 steps 1,1,1/1,1,1`. */
export function describe({ use, gather }: Problem): string {
  const { images, inSize, inChannels, outSize, outChannels, slots, strides, spread, paddedSize } = gather;
  const { groups = 1 } = gather;
  return [
    use,
    `x[${[images, ...inSize, inChannels]}]`,
    `y[${[images, ...outSize, outChannels]}]`,
    `padded[${paddedSize}]`,
    `slots ${slots.length}/${slots.flatMap(({ taps }) => taps).length}`,
    `steps ${strides}/${spread}`,
    ...(groups === 1 ? [] : [`groups ${groups}`]),
  ].join(" ");
}
