// For backends: the kernels to implement, and what their implementations share.

export { BoundedCache } from "./boundedCache.ts";
export {
  type Convolutions,
  type DenseConvChoice,
  denseConvKernels,
  depthwiseRingKernels,
  groupedRingKernels,
  ringConvKernels,
} from "./convKernels.ts";
export {
  adjointShape,
  type Conv2DKernelAttrs,
  type Conv3DKernelAttrs,
  type ConvShape,
  conv2DShape,
  conv3DShape,
  matrixIndex,
  ringConvShape,
  type Size3,
  size3,
  volume,
} from "./convShape.ts";
export { type CpuFallbackOptions, cpuFallbackConfigs } from "./cpuFallback.ts";
export type { KernelDeclaration, KernelGradient, NoAttrs } from "./declaration.ts";
export { type ConvUse, type Gather, gatherOf, keyOf, type Slot } from "./gather.ts";
export { LastResult } from "./lastResult.ts";
export { type LeakyReluAttrs, LeakyReluGrad } from "./leakyRelu.ts";
export {
  type Pool2DKernelAttrs,
  type Pool3DKernelAttrs,
  type PoolShape,
  pool2DShape,
  pool3DShape,
} from "./poolShape.ts";
export { planReduction, type Reduction, type ReductionStep, reductionKernels } from "./reductions.ts";
export {
  type BackendKernels,
  backendKernels,
  type KernelArgs,
  type KernelOutput,
  type KernelOverride,
  kernelConfig,
  replaceKernels,
  type StockCall,
} from "./register.ts";
export {
  DepthwiseRingConv,
  DepthwiseRingConvBackpropFilter,
  DepthwiseRingConvBackpropInput,
  GroupedRingConv,
  type GroupedRingConvAttrs,
  GroupedRingConvBackpropFilter,
  GroupedRingConvBackpropInput,
  PositionConv,
  PositionConvBackpropFilter,
  PositionConvBackpropInput,
  RingConv,
  type RingConvAttrs,
  RingConvBackpropFilter,
  RingConvBackpropInput,
  RingConvBias,
} from "./ringConv.ts";
export { hasKernel, runKernel, runKernelMulti, runOrCompose, runOrComposeMulti } from "./run.ts";
export { type RowTap, type SummedRows, summedRows } from "./summedRows.ts";
