// S [P, L, C]: for every output pixel and slot the plain sum of the slot's pixels.

import type * as tf from "@tensorflow/tfjs";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { run, type Shader } from "../program.ts";
import type { Gather } from "./gather.ts";
import { fours } from "./pad.ts";

/** Where the first tap of output pixel `pixel` lies in the padded source, in pixels. */
export const FIRST_TAP = `
  fn firstTap(pixel : i32) -> i32 {
    let w = pixel % uniforms.outW;
    let row = pixel / uniforms.outW;
    let h = row % uniforms.outH;
    let plane = row / uniforms.outH;
    let d = plane % uniforms.outD;
    let n = plane / uniforms.outD;
    return ((n * uniforms.paddedD + d * uniforms.strideD) * uniforms.paddedH + h * uniforms.strideH)
      * uniforms.paddedW + w * uniforms.strideW;
  }`;

/** The uniforms of {@link FIRST_TAP}. */
export const FIRST_TAP_UNIFORMS = [
  "outD",
  "outH",
  "outW",
  "paddedD",
  "paddedH",
  "paddedW",
  "strideD",
  "strideH",
  "strideW",
];

export function firstTapUniforms({ outSize, paddedSize, strides }: Gather): Record<string, number> {
  return Object.fromEntries(
    [...outSize, ...paddedSize, ...strides].map((value, i) => [FIRST_TAP_UNIFORMS[i], value]),
  );
}

const SUMS: Shader = {
  name: "ring-sums",
  inputs: { x: 4, taps: 1 },
  output: 4,
  uniforms: ["total", "first", "fours", "slots", ...FIRST_TAP_UNIFORMS],
  code: `
    ${FIRST_TAP}
    fn main(index : i32) {
      if (index >= uniforms.total) { return; }
      let fours = uniforms.fours;
      let slots = uniforms.slots;
      let c = index % fours;
      let pixel = index / fours;
      let at = firstTap(uniforms.first + pixel) * fours + c;
      var tap = slots + 1;
      for (var slot = 0; slot < slots; slot++) {
        let end = taps[slot + 1];
        var sum = vec4<f32>(0.0);
        for (; tap < end; tap++) { sum += x[at + taps[tap] * fours]; }
        result[(pixel * slots + slot) * fours + c] = sum;
      }
    }`,
};

/** The table of {@link SUMS}: where the taps of each slot begin, the end of the last one, then the taps. */
export function tapTable(taps: Gather["taps"]): Int32Array {
  const begins = [taps.length + 1];
  for (const list of taps) begins.push(begins[begins.length - 1] + list.length);
  return Int32Array.from([...begins, ...taps.flat()]);
}

/** S of the output pixels `first` to `first + pixels - 1`, channels in fours. */
export function ringSums(
  backend: WebGPUBackend,
  gather: Gather,
  padded: tf.TensorInfo,
  taps: tf.TensorInfo,
  first: number,
  pixels: number,
  sums: tf.TensorInfo,
): void {
  const slots = gather.slots.length;
  const blocks = fours(gather.inChannels);
  const uniforms = {
    total: pixels * blocks,
    first,
    fours: blocks,
    slots,
    ...firstTapUniforms(gather),
  };
  run(backend, SUMS, [padded, taps], uniforms, uniforms.total, sums);
}
