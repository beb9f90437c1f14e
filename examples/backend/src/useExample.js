// A whole backend in plain loops: the arrays and stock kernels of TensorFlow.js' CPU backend under a name of its own,
// with kernels for ring convolutions and the end of a residual block.

import { GmrError, once } from "@gmr-conv/core";
import { cpuFallbackConfigs, registerLayers, replaceKernels, startBackend } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { convolutionKernels } from "./convolution.js";
import { elementwiseKernels } from "./elementwise.js";
import { example } from "./state.js";

const register = once(() => {
  const cpu = tf.findBackendFactory("cpu");
  if (!cpu) throw new GmrError("unsupported", "the CPU backend of TensorFlow.js is not registered");
  tf.registerBackend(example.name, cpu); // another instance, with data of its own
  tf.copyRegisteredKernels("cpu", example.name);
  replaceKernels([...convolutionKernels, ...elementwiseKernels]);
  replaceKernels(cpuFallbackConfigs(example.name)); // after all others: tensors without numbers, windows that leave nothing
});

/**
 * Makes the backend "example" the active one.
 * @throws GmrError `unsupported` where it cannot start
 */
export async function useExample() {
  await startBackend(async () => {
    register();
    if (!(await tf.setBackend(example.name))) throw new GmrError("unsupported", "it does not start");
    registerLayers();
  });
}
