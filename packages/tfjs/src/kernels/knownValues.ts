import type * as tf from "@tensorflow/tfjs";

/** What the WebGPU backend keeps of a tensor besides its buffer. */
interface WithTensorMap {
  tensorMap?: { get(dataId: object): { values?: unknown } | undefined };
}

/**
 * A tensor's numbers, unless they are only on a GPU that cannot be read without waiting: on WebGPU, a synchronous read
 * is impossible in Node and goes through a canvas in browsers.
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
