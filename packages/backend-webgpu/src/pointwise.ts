// Shaders that compute every element of the result from those at the same place.

import type * as tf from "@tensorflow/tfjs";
import { elements, type Gpu } from "./gpu.ts";
import type { Shader } from "./shader.ts";

/** Computes a tensor of the shape of the first input. */
export type Pointwise = (
  gpu: Gpu,
  inputs: readonly tf.TensorInfo[],
  uniforms?: Readonly<Record<string, number>>,
) => tf.TensorInfo;

/** @param value WGSL: an expression of `i`, the index of the element */
export function pointwise(name: string, inputs: string[], uniforms: string[], value: string): Pointwise {
  const shader: Shader = {
    name,
    inputs: Object.fromEntries(inputs.map((input) => [input, 1 as const])),
    output: 1,
    uniforms: ["total", ...uniforms],
    code: `
      fn main(index : i32) {
        if (index >= uniforms.total) { return; }
        let i = index;
        result[i] = ${value};
      }`,
  };
  return (gpu, tensors, values) => {
    const y = gpu.tensor(tensors[0].shape);
    const total = elements(y);
    if (total > 0) gpu.run(shader, tensors, { total, ...values }, total, y);
    return y;
  };
}
