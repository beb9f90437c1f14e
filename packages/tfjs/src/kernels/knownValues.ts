import type * as tf from "@tensorflow/tfjs";

/** Of the WebGPU backend: what it keeps of a tensor besides its buffer. */
interface WithTensorMap {
  tensorMap?: { get(dataId: object): { values?: unknown } | undefined };
}

/**
 * The numbers of a tensor, unless only a GPU has them that cannot be asked without waiting: WebGPU, where reading at once is
 * impossible in Node, and goes through a canvas in browsers.
 */
export function knownValues(
  tensor: tf.TensorInfo,
  backendName: string,
  backend: tf.KernelBackend,
): tf.TypedArray | undefined {
  if (backendName !== "webgpu") return backend.readSync(tensor.dataId) as tf.TypedArray;
  const values = (backend as WithTensorMap).tensorMap?.get(tensor.dataId)?.values;
  return ArrayBuffer.isView(values) ? (values as tf.TypedArray) : undefined;
}
