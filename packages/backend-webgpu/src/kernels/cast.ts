// int32 and bool as float32. The stock kernel shares the data: integers under the name of float32, which no other
// shader expects.

import * as tf from "@tensorflow/tfjs";
import { webGpu } from "../attach.ts";
import { elements, type Gpu } from "../gpu.ts";
import type { Shader } from "../shader.ts";

const TO_FLOAT: Shader = {
  name: "to-float",
  inputs: { x: 1 },
  output: 1,
  uniforms: ["total"],
  code: `
    fn main(index : i32) {
      if (index < uniforms.total) { result[index] = f32(x[index]); }
    }`,
};

function toFloat(gpu: Gpu, x: tf.TensorInfo): tf.TensorInfo {
  const { values } = gpu.backend.tensorMap.get(x.dataId);
  if (values) return gpu.tensor(x.shape, "float32", Float32Array.from(values as Int32Array));
  const y = gpu.tensor(x.shape);
  const total = elements(x);
  if (total > 0) gpu.run(TO_FLOAT, [x], { total }, total, y);
  return y;
}

export const castKernels = [
  webGpu.override<{ x: tf.TensorInfo }, { dtype: tf.DataType }>(tf.Cast, ({ x }, { dtype }, gpu, stock) => {
    const isWhole = x.dtype === "int32" || x.dtype === "bool";
    return isWhole && dtype === "float32" ? toFloat(gpu, x) : stock();
  }),
];
