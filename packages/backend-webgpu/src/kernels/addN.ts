// Sums of many tensors: the stock shader binds all of them at once, of which a device allows but a few.

import { kernelConfig } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { backendOf } from "../backend.ts";

/** To be called before the kernels are replaced, since the stock one is asked for here. */
export function addNConfig(): tf.KernelConfig {
  const stock = tf.getKernel(tf.AddN, "webgpu");
  return kernelConfig<tf.TensorInfo[], undefined>(
    { name: tf.AddN },
    "webgpu",
    (inputs, _attrs, stockBackend) => {
      const backend = backendOf(stockBackend);
      const most = backend.device.limits.maxStorageBuffersPerShaderStage - 1; // one is the result
      const add = (terms: readonly tf.TensorInfo[]): tf.TensorInfo => {
        const given = terms.slice(0, most);
        const sum = stock.kernelFunc({
          inputs: given as object as tf.NamedTensorInfoMap,
          backend: stockBackend,
        }) as tf.TensorInfo;
        if (terms.length <= most) return sum;
        const all = add([sum, ...terms.slice(most)]);
        backend.disposeData(sum.dataId);
        return all;
      };
      return add(inputs);
    },
  );
}
