// Every kernel of this package. Kernels that the stock backend has as well are replaced.

import { cpuFallbackConfigs, replaceKernels } from "@gmr-conv/tfjs";
import {
  batchNormTrainingConfig,
  batchNormTrainingGradConfig,
  batchNormTrainingParamGradConfig,
} from "./kernels/batchNorm.ts";
import {
  conv2DBackpropFilterConfig,
  conv2DBackpropInputConfig,
  conv3DBackpropFilterConfig,
  conv3DBackpropInputConfig,
  conv3DConfig,
} from "./kernels/denseConv.ts";
import { depthwiseFilterGradientConfig, depthwiseInputGradientConfig } from "./kernels/depthwiseConv.ts";
import {
  adamWUpdateConfig,
  addReluConfig,
  identityConfig,
  reluGradConfig,
  ringMixBackpropSigmasConfig,
  ringMixBackpropWeightsConfig,
  ringMixConfig,
  scaleRowsConfig,
  sgdUpdateConfig,
} from "./kernels/elementwise.ts";
import {
  avgPool3DConfig,
  avgPool3DGradConfig,
  avgPoolGradConfig,
  avgPoolKernel,
  maxPool3DConfig,
  maxPool3DGradConfig,
  maxPoolGradConfig,
} from "./kernels/pooling.ts";
import { ringConvConfigs } from "./kernels/ringConv.ts";
import { splitKernel } from "./kernels/split.ts";
import { sumKernels } from "./kernels/sums.ts";
import { refuses, refusesType } from "./types.ts";

const KERNELS = [
  ...ringConvConfigs,
  batchNormTrainingConfig,
  batchNormTrainingGradConfig,
  batchNormTrainingParamGradConfig,
  conv2DBackpropInputConfig,
  conv2DBackpropFilterConfig,
  conv3DConfig,
  conv3DBackpropFilterConfig,
  conv3DBackpropInputConfig,
  depthwiseFilterGradientConfig,
  depthwiseInputGradientConfig,
  avgPool3DConfig,
  avgPoolGradConfig,
  avgPool3DGradConfig,
  maxPool3DConfig,
  maxPoolGradConfig,
  maxPool3DGradConfig,
  identityConfig,
  ringMixConfig,
  ringMixBackpropWeightsConfig,
  ringMixBackpropSigmasConfig,
  addReluConfig,
  reluGradConfig,
  scaleRowsConfig,
  adamWUpdateConfig,
  sgdUpdateConfig,
  splitKernel,
  ...sumKernels,
  avgPoolKernel,
];

let registered = false;

export function registerKernels(): void {
  if (registered) return;
  registered = true;
  replaceKernels(KERNELS);
  replaceKernels(cpuFallbackConfigs("wasm", { refuses, refusesType }));
}
