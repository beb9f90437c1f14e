// What the kernels know of the backend.

import { BoundedCache, backendKernels, gatherOf, keyOf } from "@gmr-conv/tfjs";

/** @typedef {import("@tensorflow/tfjs").TensorInfo} TensorInfo */

/** The kernels' view of one backend. */
export class ExampleState {
  /** @type {BoundedCache<string, import("@gmr-conv/tfjs").Gather>} */
  plans = new BoundedCache(100);

  /** @param {any} backend the stock one */
  constructor(backend) {
    this.backend = backend;
  }

  /**
   * @param {import("@gmr-conv/tfjs").ConvShape} shape
   * @param {import("@gmr-conv/tfjs").ConvUse} use
   */
  plan(shape, use) {
    return this.plans.get(keyOf(shape, use), () => gatherOf(shape, use));
  }

  /** @param {TensorInfo} tensor @returns {Float32Array} its numbers */
  values({ dataId }) {
    return this.backend.data.get(dataId).values;
  }

  /** @param {number[]} shape @param {ArrayLike<number>} values @returns {TensorInfo} a new tensor */
  output(shape, values) {
    return this.backend.makeTensorInfo(shape, "float32", Float32Array.from(values));
  }
}

/** @type {WeakMap<object, ExampleState>} */
const states = new WeakMap();

/** Makes the kernels of this backend. */
export const example = backendKernels("example", (backend) => {
  const state = states.get(backend) ?? new ExampleState(backend);
  states.set(backend, state);
  return state;
});
