// Every kernel of this package. Kernels that the stock backend has as well are replaced.

import { cpuFallbackConfigs, replaceKernels } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import { addNConfig } from "./kernels/addN.ts";
import { avgPoolConfigs } from "./kernels/avgPool.ts";
import {
  batchNormTrainingConfig,
  batchNormTrainingGradConfig,
  batchNormTrainingParamGradConfig,
} from "./kernels/batchNorm.ts";
import { castConfig } from "./kernels/cast.ts";
import { denseConvConfigs } from "./kernels/denseConv.ts";
import { adamWUpdateConfig, addReluConfig, reluGradConfig, sgdUpdateConfig } from "./kernels/elementwise.ts";
import { highRankConfigs } from "./kernels/highRank.ts";
import { matMulConfigs } from "./kernels/matMul.ts";
import { ringConvConfigs } from "./kernels/ringConv.ts";
import {
  ringMixBackpropSigmasConfig,
  ringMixBackpropWeightsConfig,
  ringMixConfig,
} from "./kernels/ringMix.ts";
import { sumConfigs } from "./kernels/sums.ts";

const configs = (): tf.KernelConfig[] => [
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
  addNConfig(),
  castConfig(),
  ...denseConvConfigs(),
  ...matMulConfigs(),
  ...highRankConfigs(),
  ...sumConfigs(),
  ...avgPoolConfigs(),
];

let registered = false;

export function registerKernels(): void {
  if (registered) return;
  registered = true;
  replaceKernels(configs());
  replaceKernels(cpuFallbackConfigs("webgpu"));
}
