// What this package uses of the backend of @tensorflow/tfjs-node.

import { GmrError } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";

/** An attribute of a TensorFlow op, as the binding takes it. */
export interface OpAttr {
  name: string;
  type: number;
  value: number | boolean | string | number[];
}

/** A tensor of the native library. */
export interface NativeTensorInfo {
  id: number;
  shape: number[];
  dtype: number;
}

/** The backend `tensorflow` of @tensorflow/tfjs-node and @tensorflow/tfjs-node-gpu. */
export interface NativeBackend extends tf.KernelBackend {
  readonly isUsingGpuDevice: boolean;
  readonly binding: {
    readonly TF_FLOAT: number;
    readonly TF_INT32: number;
    readonly TF_ATTR_TYPE: number;
    readonly TF_ATTR_INT: number;
    readonly TF_ATTR_FLOAT: number;
    readonly TF_ATTR_STRING: number;
    readonly TF_ATTR_BOOL: number;
    readonly TF_Version: string;
    createTensor(shape: readonly number[], dtype: number, values: Float32Array | Int32Array): number;
    deleteTensor(id: number): void;
    tensorDataSync(id: number): Float32Array;
    executeOp(name: string, attrs: OpAttr[], inputs: number[], outputs: number): NativeTensorInfo[];
  };
  /** The native tensors of tensors; uploads those not yet on the device. */
  getInputTensorIds(tensors: tf.TensorInfo[]): number[];
  /** Hands a native tensor to the engine, which tracks it from then on. */
  createOutputTensor(made: NativeTensorInfo): tf.Tensor;
}

export function isNativeBackend(backend: object): backend is NativeBackend {
  return "binding" in backend && "isUsingGpuDevice" in backend && "createOutputTensor" in backend;
}

/**
 * The native backend that a kernel was called with, or the active one.
 * @throws GmrError `unsupported` for any other backend
 */
export function nativeBackend(backend: object = tf.backend()): NativeBackend {
  if (isNativeBackend(backend)) return backend;
  throw new GmrError(
    "unsupported",
    `the active backend is "${tf.getBackend()}", not that of @tensorflow/tfjs-node: call useNode first`,
  );
}
