// Whole numbers and truth values as float32. The stock kernel shares the data, which then are integers under the name
// of float32: no other shader expects that.

import { kernelConfig, overrideKernel } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { backendOf } from "../backend.ts";
import { elements, makeTensor, run, type Shader } from "../program.ts";

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

const toFloat = kernelConfig<{ x: tf.TensorInfo }, { dtype: tf.DataType }>(
  { name: tf.Cast },
  "webgpu",
  ({ x }, _attrs, stockBackend) => {
    const backend = backendOf(stockBackend);
    const { values } = backend.tensorMap.get(x.dataId);
    if (values) return backend.makeTensorInfo(x.shape, "float32", Float32Array.from(values as Int32Array));
    const y = makeTensor(backend, x.shape);
    const total = elements(x);
    if (total > 0) run(backend, TO_FLOAT, [x], { total }, total, y);
    return y;
  },
);

export const castKernel = overrideKernel(tf.Cast, "webgpu", (args, stock) => {
  const { dtype } = args.inputs.x as tf.TensorInfo;
  const isWhole = dtype === "int32" || dtype === "bool";
  return (isWhole && args.attrs?.dtype === "float32" ? toFloat.kernelFunc : stock)(args);
});
