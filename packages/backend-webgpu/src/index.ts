// GMR-Conv on the TensorFlow.js WebGPU backend: `await useWebGpu()`, and the ops of `@gmr-conv/tfjs` run on WGSL kernels.

import { GmrError } from "@gmr-conv/core";
import { registerLayers, startBackend } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { adopt, applyOptions, backendOf, createWebGpuBackend, isUsable } from "./backend.ts";
import { checkOptions, type WebGpuOptions } from "./device.ts";
import { registerKernels } from "./register.ts";

export {
  createWebGpuBackend,
  queryWebGpuAdapter,
  type WebGpuAdapter,
  webGpuAdapter,
} from "./backend.ts";
export type { SumFormat } from "./conv/sums.ts";
export type { Variant } from "./conv/variants.ts";
export type { WebGpuOptions } from "./device.ts";
export { type TunedVariant, type TuneWebGpuOptions, tuneWebGpu } from "./tune.ts";

/**
 * Makes the stock WebGPU backend the active one and adds our kernels to it. Calling it again is cheap; after the device
 * was lost it starts a new one, on which tensors of the old one do not exist.
 *
 * Read results asynchronously (`await tensor.data()`): in Node `dataSync` cannot work on this backend.
 *
 * @param options a backend that runs already keeps its adapter; the others count from now on
 * @throws GmrError `unsupported` where WebGPU, an adapter or a device is missing, naming which; `invalid-argument` for
 *   options that are none
 */
export async function useWebGpu(options: WebGpuOptions = {}): Promise<void> {
  checkOptions(options);
  await startBackend(() => start(options));
  applyOptions(backendOf(tf.engine().registry.webgpu), options);
}

async function start(options: WebGpuOptions): Promise<void> {
  const running: unknown = tf.engine().registry.webgpu;
  if (isUsable(running)) {
    adopt(running);
  } else {
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
