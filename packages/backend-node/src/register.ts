// Every kernel of this package. Those that the stock backend also has replace its own.

import { once } from "@gmr-conv/core";
import { cpuFallbackConfigs, replaceKernels } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { avgPoolKernels } from "./kernels/avgPool.ts";
import { batchNormKernels } from "./kernels/batchNorm.ts";
import { batchNormInferenceKernels } from "./kernels/batchNormInference.ts";
import { convolutionKernels, groupedKernels } from "./kernels/convolution.ts";
import { denseGradientKernels } from "./kernels/denseGradients.ts";
import { elementwiseKernels } from "./kernels/elementwise.ts";
import { matMulKernels } from "./kernels/matMul.ts";
import { maxPoolKernels } from "./kernels/maxPool.ts";
import { mixtureKernels } from "./kernels/mixture.ts";
import { optimizerKernels } from "./kernels/optimizers.ts";
import { sumKernels } from "./kernels/sums.ts";
import { node } from "./state.ts";

export const registerKernels = once((): void => {
  replaceKernels([
    ...convolutionKernels,
    ...batchNormKernels,
    ...batchNormInferenceKernels,
    ...mixtureKernels,
    ...elementwiseKernels,
    ...optimizerKernels,
    ...matMulKernels,
    ...sumKernels,
    ...avgPoolKernels,
    ...maxPoolKernels,
    ...denseGradientKernels,
  ]);
  replaceKernels(cpuFallbackConfigs(node.name));
});

/** Adds or removes the kernels of convolutions in groups: those in `native/` heed them, TensorFlow's own ops do not. */
export function provideGroups(wanted: boolean): void {
  for (const kernel of groupedKernels) {
    const isThere = tf.getKernel(kernel.kernelName, kernel.backendName) != null;
    if (wanted && !isThere) tf.registerKernel(kernel);
    if (!wanted && isThere) tf.unregisterKernel(kernel.kernelName, kernel.backendName);
  }
}
