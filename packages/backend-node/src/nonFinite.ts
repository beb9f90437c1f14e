import type * as tf from "@tensorflow/tfjs";
import { nativeBackend } from "./nativeBackend.ts";

/**
 * Whether a tensor holds numbers that are not finite: then the sum of their squares is none. (So it is for numbers beyond
 * 10¹⁹, which costs time and nothing else.) On a GPU it would have to be waited for, and is not asked.
 */
export function holdsNonFinite(x: tf.Tensor): boolean {
  const backend = nativeBackend();
  if (backend.isUsingGpuDevice || x.size === 0) return false;
  const { binding } = backend;
  const type = { name: "T", type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT };
  const [loss] = binding.executeOp("L2Loss", [type], backend.getInputTensorIds([x]), 1);
  const [value] = binding.tensorDataSync(loss.id);
  binding.deleteTensor(loss.id);
  return !Number.isFinite(value);
}
