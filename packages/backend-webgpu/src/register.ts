// Every kernel of this package. Kernels that the stock backend has as well are replaced.

import { cpuFallbackConfigs, replaceKernels } from "@gmr-conv/tfjs";
import { addNKernel } from "./kernels/addN.ts";
import { avgPoolKernels } from "./kernels/avgPool.ts";
import {
  batchNormTrainingConfig,
  batchNormTrainingGradConfig,
  batchNormTrainingParamGradConfig,
} from "./kernels/batchNorm.ts";
import { castKernel } from "./kernels/cast.ts";
import { denseConvKernels } from "./kernels/denseConv.ts";
import { adamWUpdateConfig, addReluConfig, reluGradConfig, sgdUpdateConfig } from "./kernels/elementwise.ts";
import { highRankKernels } from "./kernels/highRank.ts";
import { matMulKernel } from "./kernels/matMul.ts";
import { ringConvConfigs } from "./kernels/ringConv.ts";
import {
  ringMixBackpropSigmasConfig,
  ringMixBackpropWeightsConfig,
  ringMixConfig,
} from "./kernels/ringMix.ts";
import { sumKernels } from "./kernels/sums.ts";

const KERNELS = [
  ...ringConvConfigs,
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
  addNKernel,
  castKernel,
  ...denseConvKernels,
  matMulKernel,
  ...highRankKernels,
  ...sumKernels,
  ...avgPoolKernels,
];

let registered = false;

export function registerKernels(): void {
  if (registered) return;
  registered = true;
  replaceKernels(KERNELS);
  replaceKernels(cpuFallbackConfigs("webgpu"));
}
