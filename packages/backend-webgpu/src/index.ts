// GMR-Conv on the TensorFlow.js WebGPU backend: `await useWebGpu()`, and the ops of `@gmr-conv/tfjs` run on WGSL
// kernels.

import { GmrError } from "@gmr-conv/core";
import { registerLayers, startBackend } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { isUsable, webGpu } from "./attach.ts";
import { applyOptions, createWebGpuBackend } from "./backend.ts";
import { checkOptions, type WebGpuOptions } from "./device.ts";
import { registerKernels } from "./register.ts";

export { createWebGpuBackend, queryWebGpuAdapter, webGpuAdapter } from "./backend.ts";
export type { SumFormat } from "./conv/sumFormat.ts";
export type { Variant } from "./conv/variants.ts";
export type { WebGpuAdapter, WebGpuOptions } from "./device.ts";
export { type TunedVariant, type TuneWebGpuOptions, tuneWebGpu } from "./tune.ts";

/**
 * Makes the stock WebGPU backend the active one and adds our kernels to it. Calling it again is cheap; after the device
 * was lost it starts a new one, on which the tensors of the old one do not exist.
 *
 * Read results asynchronously (`await tensor.data()`): in Node `dataSync` cannot work on this backend.
 *
 * @param options a backend that is already running keeps its adapter; the other options apply from now on
 * @throws GmrError `unsupported` if WebGPU, an adapter or a device is missing, saying which; `invalid-argument` for
 *   invalid options
 */
export async function useWebGpu(options: WebGpuOptions = {}): Promise<void> {
  checkOptions(options);
  await startBackend(() => start(options));
  applyOptions(webGpu.stateOf(tf.engine().registry[webGpu.name]), options);
}

async function start(options: WebGpuOptions): Promise<void> {
  const { name } = webGpu;
  const running: unknown = tf.engine().registry[name];
  if (isUsable(running)) {
    webGpu.stateOf(running); // takes over a backend that somebody else has started
  } else {
    const backend = await createWebGpuBackend(options);
    if (tf.findBackendFactory(name)) tf.removeBackend(name);
    tf.registerBackend(name, () => backend, 3);
  }
  if (!(await tf.setBackend(name))) {
    throw new GmrError("unsupported", `the TensorFlow.js ${name} backend could not be started here`);
  }
  registerKernels();
  registerLayers();
}
