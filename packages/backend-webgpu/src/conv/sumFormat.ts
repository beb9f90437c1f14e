// How the sums of rings are kept in buffers: as f32 or, which halves the traffic, as f16.

import type { Format } from "../shader.ts";

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

/** WGSL: `storeSum(at, sum)`, its counterpart for the buffer `result`. */
export const STORE_SUM: Readonly<Record<SumFormat, string>> = {
  f32: "fn storeSum(at : i32, sum : vec4<f32>) { result[at] = sum; }",
  f16: `fn storeSum(at : i32, sum : vec4<f32>) {
    result[at] = bitcast<vec2<i32>>(vec2<u32>(pack2x16float(sum.xy), pack2x16float(sum.zw)));
  }`,
};
