// GMR-Conv on the TensorFlow.js WebGPU backend: `await useWebGpu()`, and the ops of `@gmr-conv/tfjs` run on WGSL kernels.

import { GmrError } from "@gmr-conv/core";
import { registerLayers } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { createWebGpuBackend, isUsable } from "./backend.ts";
import type { WebGpuOptions } from "./device.ts";
import { registerKernels } from "./register.ts";

export { createWebGpuBackend, type WebGpuAdapter, webGpuAdapter } from "./backend.ts";
export type { WebGpuOptions } from "./device.ts";
export { type TunedVariant, type TuneWebGpuOptions, tuneWebGpu } from "./tune.ts";

/**
 * Makes the stock WebGPU backend the active one and adds our kernels to it. Calling it again is cheap; after the device
 * was lost it starts a new one, on which tensors of the old one do not exist.
 *
 * Read results asynchronously (`await tensor.data()`): in Node `dataSync` cannot work on this backend.
 *
 * @param options taken when the backend is started: a backend that runs keeps its adapter
 * @throws GmrError `unsupported` where WebGPU, an adapter or a device is missing, naming which
 */
export async function useWebGpu(options: WebGpuOptions = {}): Promise<void> {
  starting ??= start(options).finally(() => {
    starting = undefined;
  });
  await starting;
}

let starting: Promise<void> | undefined;

async function start(options: WebGpuOptions): Promise<void> {
  if (!isUsable(tf.engine().registry.webgpu)) {
    const backend = await createWebGpuBackend(options);
    if (tf.findBackendFactory("webgpu")) tf.removeBackend("webgpu");
    tf.registerBackend("webgpu", () => backend, 3);
  }
  if (!(await tf.setBackend("webgpu"))) {
    throw new GmrError("unsupported", "the TensorFlow.js webgpu backend could not be started here");
  }
  registerKernels();
  registerLayers();
}
