// Every kernel of this package. Kernels that the stock backend has as well are replaced.

import { cpuFallbackConfigs, replaceKernels } from "@gmr-conv/tfjs";
import { avgPoolKernels } from "./kernels/avgPool.ts";
import {
  batchNormTrainingConfig,
  batchNormTrainingGradConfig,
  batchNormTrainingParamGradConfig,
} from "./kernels/batchNorm.ts";
import { denseConvKernels } from "./kernels/denseConv.ts";
import { adamWUpdateConfig, addReluConfig, reluGradConfig, sgdUpdateConfig } from "./kernels/elementwise.ts";
import { matMulKernel } from "./kernels/matMul.ts";
import {
  ringConvBackpropFilterConfig,
  ringConvBackpropInputConfig,
  ringConvConfig,
} from "./kernels/ringConv.ts";
import {
  ringMixBackpropSigmasConfig,
  ringMixBackpropWeightsConfig,
  ringMixConfig,
} from "./kernels/ringMix.ts";
import { sumKernels } from "./kernels/sums.ts";

const KERNELS = [
  ringConvConfig,
  ringConvBackpropInputConfig,
  ringConvBackpropFilterConfig,
  batchNormTrainingConfig,
  batchNormTrainingGradConfig,
  batchNormTrainingParamGradConfig,
  ringMixConfig,
  ringMixBackpropWeightsConfig,
  ringMixBackpropSigmasConfig,
  addReluConfig,
  reluGradConfig,
  adamWUpdateConfig,
  sgdUpdateConfig,
  matMulKernel,
  ...sumKernels,
  ...avgPoolKernels,
  ...denseConvKernels,
];

let registered = false;

export function registerKernels(): void {
  if (registered) return;
  registered = true;
  replaceKernels(KERNELS);
  replaceKernels(cpuFallbackConfigs("tensorflow"));
}
