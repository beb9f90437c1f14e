export * from "./addRelu.ts";
export * from "./batchNorm.ts";
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
export * from "./equivariance/index.ts";
export { mendGradients } from "./gradients.ts";
export * from "./graph/index.ts";
export * from "./instanceNorm.ts";
export * from "./kernels/index.ts";
export * from "./layers/index.ts";
export * from "./mixture.ts";
export { NATIVE_BACKEND } from "./nativeName.ts";
export { setNonFiniteCheck } from "./nonFinite.ts";
export * from "./optimizerSteps.ts";
export type { GmrConvOptions, GmrConvTransposeOptions, Strategy } from "./options.ts";
export * from "./scalePositions.ts";
export { startBackend } from "./startBackend.ts";
export {
  type ConvProblemSize,
  type CostModel,
  forgetMeasuredStrategies,
  loopCosts,
  measuredStrategies,
  restoreMeasuredStrategies,
  type StrategyCosts,
  setCostModel,
} from "./strategy.ts";
export * from "./tune.ts";
