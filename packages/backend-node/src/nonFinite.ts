import type * as tf from "@tensorflow/tfjs";
import { nativeBackend } from "./nativeBackend.ts";

/**
 * Whether a tensor holds non-finite numbers: then the sum of their squares is not finite. (The same goes for numbers
 * beyond 10¹⁹, which merely costs time.) Not checked on a GPU, where it would mean waiting.
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
