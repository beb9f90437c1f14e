// Sums of many tensors: the stock shader binds all of them at once, more than a device may allow.

import type { KernelOverride } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { webGpu } from "../attach.ts";

const addN: KernelOverride["override"] = ({ inputs, backend }, stock) => {
  const gpu = webGpu.stateOf(backend);
  const most = gpu.backend.device.limits.maxStorageBuffersPerShaderStage - 1; // one is the result
  const add = (terms: readonly tf.TensorInfo[]): tf.TensorInfo => {
    const bound = terms.slice(0, most) as object as tf.NamedTensorInfoMap;
    const sum = stock({ inputs: bound, backend }) as tf.TensorInfo;
    if (terms.length <= most) return sum;
    const all = add([sum, ...terms.slice(most)]);
    gpu.dispose(sum);
    return all;
  };
  return add(inputs as object as tf.TensorInfo[]);
};

export const addNKernels = [{ kernelName: tf.AddN, backendName: webGpu.name, override: addN }];
