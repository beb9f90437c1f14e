export * from "./addRelu.ts";
export { type BackendTraits, backendTraits, knownValues, setBackendTraits } from "./backendTraits.ts";
export {
  type BatchNormGradInputs,
  type BatchNormResult,
  BatchNormTraining,
  type BatchNormTrainingAttrs,
  BatchNormTrainingGrad,
  BatchNormTrainingParamGrad,
  batchNormTraining,
} from "./batchNorm.ts";
export { BatchNormInference, type BatchNormInferenceAttrs } from "./batchNormInference.ts";
export { checkModel } from "./checks.ts";
export {
  gmrConv,
  gmrConv1d,
  gmrConv1dTranspose,
  gmrConv2d,
  gmrConv2dTranspose,
  gmrConv3d,
  gmrConv3dTranspose,
} from "./conv.ts";
export { type ConvProblemSize, type CostModel, loopCosts, type StrategyCosts } from "./costModel.ts";
export { mendGradients } from "./gradients.ts";
export * from "./graph/index.ts";
export * from "./instanceNorm.ts";
export * from "./kernels/index.ts";
export * from "./layers/index.ts";
export * from "./mixture.ts";
export * from "./optimizerSteps.ts";
export type { GmrConvOptions, GmrConvTransposeOptions, Strategy } from "./options.ts";
export { RepeatChannels } from "./repeatChannels.ts";
export * from "./scalePositions.ts";
export { startBackend } from "./startBackend.ts";
export { forgetMeasuredStrategies, measuredStrategies, restoreMeasuredStrategies } from "./strategy.ts";
export { type SumOverProcesses, withSynchronizedBatchNorm } from "./syncBatchNorm.ts";
export * from "./tune.ts";
