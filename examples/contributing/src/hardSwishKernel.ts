// A kernel of the op of docs/contributing/op.md, on the CPU backend of TensorFlow.js.

import { backendKernels } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import { HardSwish } from "./hardSwish.ts";

/** What the kernel needs of the stock CPU backend. */
interface CpuArrays {
  data: { get(dataId: object): { values: Float32Array } };
  makeTensorInfo(shape: number[], dtype: "float32", values: Float32Array): tf.TensorInfo;
}

const cpu = backendKernels("cpu", (backend) => backend as CpuArrays);

export const hardSwishKernel = cpu.kernel(HardSwish, ({ x }, { beta }, state) => {
  const { values } = state.data.get(x.dataId);
  const y = values.map((value) => value * Math.min(1, Math.max(0, beta * value + 0.5)));
  return state.makeTensorInfo(x.shape, "float32", y);
});
