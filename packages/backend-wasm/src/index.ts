// GMR-Conv on the TensorFlow.js wasm backend: `await useWasm()`, and the ops of `@gmr-conv/tfjs` run on
// WebAssembly SIMD kernels.

import { GmrError } from "@gmr-conv/core";
import { registerLayers } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { BackendWasm, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { attachKernels } from "./module.ts";
import { registerKernels } from "./register.ts";

export interface UseWasmOptions {
  /**
   * Where a browser finds the `.wasm` files of `@tensorflow/tfjs-backend-wasm`: the folder's address ending in
   * `/`, or one address per file. Not needed in Node. Our own kernels are inlined and need no path.
   */
  wasmPaths?: Parameters<typeof setWasmPaths>[0] | undefined;
}

/**
 * Makes the stock wasm backend the active one and adds our kernels to it: ring convolution and batch
 * normalisation with their gradients, and the gradients of the dense `conv2d` and of average pooling.
 * Calling it again is cheap.
 *
 * @throws GmrError `unsupported` where WebAssembly, its SIMD instructions or the stock backend are missing
 */
export async function useWasm(options: UseWasmOptions = {}): Promise<void> {
  if (options.wasmPaths !== undefined) setWasmPaths(options.wasmPaths);
  if (!tf.findBackendFactory("wasm")) {
    throw new GmrError("unsupported", "the TensorFlow.js wasm backend is not registered: was it removed?");
  }
  if (!(await tf.setBackend("wasm"))) {
    throw new GmrError("unsupported", "the TensorFlow.js wasm backend could not be started here");
  }
  const backend = tf.backend();
  if (!(backend instanceof BackendWasm)) {
    throw new GmrError(
      "unsupported",
      "the active wasm backend is not that of @tensorflow/tfjs-backend-wasm: is it installed twice?",
    );
  }
  await attachKernels(backend);
  registerKernels();
  registerLayers();
}
