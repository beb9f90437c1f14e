// Weights [L, A, B] as the matrices by which the sums are multiplied: [groups, slots · 4 · fours(Cin), 4 · fours(Cout)],
// with the channels of one group.

import type { Gather } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import type { Gpu } from "../gpu.ts";
import { fours, type Shader } from "../shader.ts";
import { kept, made, type Source } from "./pad.ts";

const PACK: Shader = {
  name: "pack-weights",
  inputs: { weights: 1, slots: 1 },
  output: 1,
  uniforms: ["total", "groups", "slots", "inChannels", "outChannels", "inPadded", "outPadded", "transposed"],
  code: `
    fn main(index : i32) {
      if (index >= uniforms.total) { return; }
      let column = index % uniforms.outPadded;
      let row = index / uniforms.outPadded;
      let c = row % uniforms.inPadded;
      let unit = row / uniforms.inPadded;
      let group = unit / uniforms.slots;
      let across = uniforms.groups * uniforms.outChannels;
      let matrix = slots[unit % uniforms.slots] * uniforms.inChannels * across;
      var value = 0.0;
      if (c < uniforms.inChannels && column < uniforms.outChannels) {
        value = weights[matrix + select(c * across + group * uniforms.outChannels + column,
          (column * uniforms.groups + group) * uniforms.inChannels + c, uniforms.transposed == 1)];
      }
      result[index] = value;
    }`,
};

/**
 * @param slots the plan's table
 * @param transposed whether the matrices are given as [L, Cout, Cin]
 */
export function packWeights(
  gpu: Gpu,
  gather: Gather,
  weights: tf.TensorInfo,
  slots: tf.TensorInfo,
  transposed: boolean,
): Source {
  const { matrices, groups = 1 } = gather;
  const [inChannels, outChannels] = [gather.inChannels / groups, gather.outChannels / groups];
  const [inPadded, outPadded] = [4 * fours(inChannels), 4 * fours(outChannels)];
  const isPacked =
    groups === 1 &&
    gather.slots.length === matrices &&
    inPadded === inChannels &&
    outPadded === outChannels &&
    !transposed;
  if (isPacked) return kept(weights);
  const total = groups * gather.slots.length * inPadded * outPadded;
  const packed = gpu.scratch(total);
  const sizes = { total, groups, slots: gather.slots.length, inChannels, outChannels, inPadded, outPadded };
  gpu.run(PACK, [weights, slots], { ...sizes, transposed: Number(transposed) }, total, packed);
  return made(gpu, packed);
}
