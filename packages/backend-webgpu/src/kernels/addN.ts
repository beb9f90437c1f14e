// Sums of many tensors: the stock shader binds all of them at once, of which a device allows but a few.

import { overrideKernel } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { backendOf } from "../backend.ts";

export const addNKernel = overrideKernel(tf.AddN, "webgpu", (args, stock) => {
  const backend = backendOf(args.backend);
  const most = backend.device.limits.maxStorageBuffersPerShaderStage - 1; // one is the result
  const add = (terms: readonly tf.TensorInfo[]): tf.TensorInfo => {
    const inputs = terms.slice(0, most) as object as tf.NamedTensorInfoMap;
    const sum = stock({ inputs, backend: args.backend }) as tf.TensorInfo;
    if (terms.length <= most) return sum;
    const all = add([sum, ...terms.slice(most)]);
    backend.disposeData(sum.dataId);
    return all;
  };
  return add(args.inputs as object as tf.TensorInfo[]);
});
