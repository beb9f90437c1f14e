// Every kernel of this package. Kernels that the stock backend has as well are replaced.

import * as tf from "@tensorflow/tfjs";
import { denseConvConfigs } from "./kernels/denseConv.ts";
import {
  ringConvBackpropFilterConfig,
  ringConvBackpropInputConfig,
  ringConvConfig,
} from "./kernels/ringConv.ts";

const configs = (): tf.KernelConfig[] => [
  ringConvConfig,
  ringConvBackpropInputConfig,
  ringConvBackpropFilterConfig,
  ...denseConvConfigs(),
];

let registered = false;

export function registerKernels(): void {
  if (registered) return;
  registered = true;
  for (const config of configs()) {
    if (tf.getKernel(config.kernelName, config.backendName)) {
      tf.unregisterKernel(config.kernelName, config.backendName);
    }
    tf.registerKernel(config);
  }
}
