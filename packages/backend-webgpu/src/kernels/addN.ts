// Sums of many tensors: the stock shader binds all of them at once, more than a device may allow.

import * as tf from "@tensorflow/tfjs";
import { webGpu } from "../attach.ts";

export const addNKernels = [
  webGpu.override<tf.TensorInfo[], undefined>(tf.AddN, (inputs, _attrs, gpu, stock) => {
    const most = gpu.backend.device.limits.maxStorageBuffersPerShaderStage - 1; // one is the result
    const add = (terms: readonly tf.TensorInfo[]): tf.TensorInfo => {
      const sum = stock({ inputs: terms.slice(0, most) }) as tf.TensorInfo;
      if (terms.length <= most) return sum;
      const all = add([sum, ...terms.slice(most)]);
      gpu.dispose(sum);
      return all;
    };
    return add(inputs);
  }),
];
