// Weights [L, A, B] as the matrix that the sums are multiplied with: [slots · 4 · fours(Cin), 4 · fours(Cout)].

import type * as tf from "@tensorflow/tfjs";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { makeScratch, run, type Shader } from "../program.ts";
import type { Gather } from "./gather.ts";
import { fours, type Source } from "./pad.ts";

const PACK: Shader = {
  name: "pack-weights",
  inputs: { weights: 1, slots: 1 },
  output: 1,
  uniforms: ["total", "inChannels", "outChannels", "inPadded", "outPadded", "transposed"],
  code: `
    fn main(index : i32) {
      if (index >= uniforms.total) { return; }
      let column = index % uniforms.outPadded;
      let row = index / uniforms.outPadded;
      let c = row % uniforms.inPadded;
      let matrix = slots[row / uniforms.inPadded] * uniforms.inChannels * uniforms.outChannels;
      var value = 0.0;
      if (c < uniforms.inChannels && column < uniforms.outChannels) {
        value = weights[matrix + select(c * uniforms.outChannels + column,
          column * uniforms.inChannels + c, uniforms.transposed == 1)];
      }
      result[index] = value;
    }`,
};

/** @param transposed whether the matrices are given as [L, Cout, Cin] */
export function packWeights(
  backend: WebGPUBackend,
  gather: Gather,
  weights: tf.TensorInfo,
  slots: tf.TensorInfo,
  transposed: boolean,
): Source {
  const { inChannels, outChannels, matrices } = gather;
  const complete = gather.slots.length === matrices;
  if (complete && !transposed && inChannels % 4 === 0 && outChannels % 4 === 0) {
    return { tensor: weights, release: () => {} };
  }
  const inPadded = 4 * fours(inChannels);
  const outPadded = 4 * fours(outChannels);
  const total = gather.slots.length * inPadded * outPadded;
  const tensor = makeScratch(backend, total);
  const uniforms = {
    total,
    inChannels,
    outChannels,
    inPadded,
    outPadded,
    transposed: Number(transposed),
  };
  run(backend, PACK, [weights, slots], uniforms, total, tensor);
  return { tensor, release: () => void backend.disposeData(tensor.dataId) };
}
