// S [P, L, C]: for every output pixel and slot the plain sum of the slot's pixels, as f32 or, which halves what the
// passes write and read, as f16.

import type * as tf from "@tensorflow/tfjs";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { type Format, makeScratch, run, type Shader } from "../program.ts";
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

export type SumFormat = "f32" | "f16";

/** The elements of a buffer of sums: four channels. */
export const SUM_ELEMENT: Readonly<Record<SumFormat, Format>> = { f32: 4, f16: "half4" };

/** WGSL: `loadSum(at)`, the four sums of element `at` of the buffer `sums`. */
export const LOAD_SUM: Readonly<Record<SumFormat, string>> = {
  f32: "fn loadSum(at : i32) -> vec4<f32> { return sums[at]; }",
  f16: `fn loadSum(at : i32) -> vec4<f32> {
    let words = bitcast<vec2<u32>>(sums[at]);
    return vec4<f32>(unpack2x16float(words.x), unpack2x16float(words.y));
  }`,
};

const STORE_SUM: Readonly<Record<SumFormat, string>> = {
  f32: "fn storeSum(at : i32, sum : vec4<f32>) { result[at] = sum; }",
  f16: `fn storeSum(at : i32, sum : vec4<f32>) {
    result[at] = bitcast<vec2<i32>>(vec2<u32>(pack2x16float(sum.xy), pack2x16float(sum.zw)));
  }`,
};

/** A buffer for so many fours of sums. */
export function makeSums(backend: WebGPUBackend, count: number, format: SumFormat): tf.TensorInfo {
  return format === "f32" ? makeScratch(backend, 4 * count) : makeScratch(backend, 2 * count, "int32");
}

const sumsShader = (format: SumFormat): Shader => ({
  name: `ring-sums-${format}`,
  inputs: { x: 4, taps: 1 },
  output: SUM_ELEMENT[format],
  uniforms: ["total", "first", "fours", "slots", ...FIRST_TAP_UNIFORMS],
  code: `
    ${FIRST_TAP}
    ${STORE_SUM[format]}
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
        storeSum((pixel * slots + slot) * fours + c, sum);
      }
    }`,
});

const SUMS: Readonly<Record<SumFormat, Shader>> = { f32: sumsShader("f32"), f16: sumsShader("f16") };

/** The table of {@link ringSums}: where the taps of each slot begin, the end of the last one, then the taps. */
export function tapTable(taps: Gather["taps"]): Int32Array {
  const begins = [taps.length + 1];
  for (const list of taps) begins.push(begins[begins.length - 1] + list.length);
  return Int32Array.from([...begins, ...taps.flat()]);
}

/** S of `pixels` output pixels from `first` on, counted from the padded source's first image; channels in fours. */
export function ringSums(
  backend: WebGPUBackend,
  gather: Gather,
  padded: tf.TensorInfo,
  taps: tf.TensorInfo,
  first: number,
  pixels: number,
  sums: tf.TensorInfo,
  format: SumFormat,
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
  run(backend, SUMS[format], [padded, taps], uniforms, uniforms.total, sums);
}
