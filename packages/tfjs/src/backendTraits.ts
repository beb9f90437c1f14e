// What the ops must know of a backend besides its kernels. TensorFlow.js' own backends are described here, others describe
// themselves.

import { checkKeys, type KeysOf } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { type CostModel, loopCosts } from "./costModel.ts";

export interface BackendTraits {
  /** What the strategies cost. Without it, `auto` means `ring` if the backend implements the ring kernels, else `dense`. */
  costModel?: CostModel | undefined;
  /**
   * Whether a tensor holds non-finite numbers, found out without waiting. For backends whose ring sums or dense convolutions
   * multiply by zeros: 0 · ∞ is NaN.
   */
  holdsNonFinite?: ((x: tf.Tensor) => boolean) | undefined;
  /** Whether ring sums read the positions of rings only, so that `holdsNonFinite` concerns dense convolutions alone. */
  exactRings?: boolean | undefined;
  /** A tensor's numbers as far as they can be read without waiting. Default: all, by `readSync`. */
  knownValues?: ((tensor: tf.TensorInfo, backend: tf.KernelBackend) => tf.TypedArray | undefined) | undefined;
  /** Whether the kernels of average pooling's gradients divide by the positions inside the image; default: by all of a window. */
  averagesInside?: boolean | undefined;
}

const KEYS: KeysOf<BackendTraits> = {
  costModel: true,
  holdsNonFinite: true,
  exactRings: true,
  knownValues: true,
  averagesInside: true,
};

const traits = new Map<string, BackendTraits>([
  ["cpu", { costModel: loopCosts, holdsNonFinite: hasNonFinite }],
  ["webgpu", { knownValues: keptValues }],
  ["tensorflow", { averagesInside: true }],
]);

/** Whether a convolution of x must leave out pixels that the active backend would multiply by zero. */
export function mustLeaveOut(x: tf.Tensor, isRing: boolean): boolean {
  const { exactRings, holdsNonFinite } = backendTraits();
  return !(isRing && exactRings) && holdsNonFinite?.(x) === true;
}

/**
 * Describes a backend to the ops. What is not given stays as it was; undefined takes it back.
 * @param backendName as in `tf.setBackend`
 */
export function setBackendTraits(backendName: string, given: BackendTraits): void {
  checkKeys("the traits of a backend", given, KEYS);
  traits.set(backendName, { ...traits.get(backendName), ...given });
}

/** @param backendName default: the active backend */
export function backendTraits(backendName = tf.getBackend()): BackendTraits {
  return traits.get(backendName) ?? {};
}

/** A tensor's numbers on a backend, unless they are where reading them takes waiting, as on a GPU. */
export function knownValues(
  tensor: tf.TensorInfo,
  backendName: string,
  backend: tf.KernelBackend,
): tf.TypedArray | undefined {
  const { knownValues: read } = backendTraits(backendName);
  return read ? read(tensor, backend) : (backend.readSync(tensor.dataId) as tf.TypedArray);
}

function hasNonFinite(x: tf.Tensor): boolean {
  const values = x.dataSync();
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return true;
  return false;
}

/** What the WebGPU backend keeps of a tensor besides its buffer. */
interface WithTensorMap {
  tensorMap?: { get(dataId: object): { values?: unknown } | undefined };
}

/** On WebGPU, a synchronous read is impossible in Node and goes through a canvas in browsers. */
function keptValues({ dataId }: tf.TensorInfo, backend: tf.KernelBackend): tf.TypedArray | undefined {
  const values = (backend as WithTensorMap).tensorMap?.get(dataId)?.values;
  return ArrayBuffer.isView(values) ? (values as tf.TypedArray) : undefined;
}
