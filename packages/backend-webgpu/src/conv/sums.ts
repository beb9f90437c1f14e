// S [P, L, C]: for every output pixel and slot the plain sum of the slot's pixels.

import type { Gather } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import type { Gpu } from "../gpu.ts";
import { axisNames, axisValues, fours, type Shader } from "../shader.ts";
import { STORE_SUM, SUM_ELEMENT, type SumFormat } from "./sumFormat.ts";

const sumsShader = (format: SumFormat): Shader => ({
  name: `ring-sums-${format}`,
  inputs: { x: 4, taps: 1 },
  output: SUM_ELEMENT[format],
  uniforms: ["total", "first", "fours", "slots", ...axisNames("out", "padded", "stride")],
  code: `
    // Where the first tap of an output pixel lies in the padded source, in pixels.
    fn firstTap(pixel : i32) -> i32 {
      let w = pixel % uniforms.outW;
      let row = pixel / uniforms.outW;
      let h = row % uniforms.outH;
      let plane = row / uniforms.outH;
      let d = plane % uniforms.outD;
      let n = plane / uniforms.outD;
      return ((n * uniforms.paddedD + d * uniforms.strideD) * uniforms.paddedH + h * uniforms.strideH)
        * uniforms.paddedW + w * uniforms.strideW;
    }
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

/** A buffer for the sums of so many fours of channels. */
export function makeSums(gpu: Gpu, count: number): tf.TensorInfo {
  return gpu.sumFormat === "f32" ? gpu.scratch(4 * count) : gpu.scratch(2 * count, "int32");
}

/**
 * S of `pixels` output pixels from `first` on, counted from the padded source's first image; channels in fours.
 * @param taps the plan's table
 */
export function ringSums(
  gpu: Gpu,
  { slots, inChannels, outSize, paddedSize, strides }: Gather,
  padded: tf.TensorInfo,
  taps: tf.TensorInfo,
  first: number,
  pixels: number,
  sums: tf.TensorInfo,
): void {
  const total = pixels * fours(inChannels);
  const uniforms = {
    ...{ total, first, fours: fours(inChannels), slots: slots.length },
    ...axisValues({ out: outSize, padded: paddedSize, stride: strides }),
  };
  gpu.run(SUMS[gpu.sumFormat], [padded, taps], uniforms, total, sums);
}
