export * from "./addRelu.ts";
export * from "./batchNorm.ts";
export * from "./conv.ts";
export * from "./kernels.ts";
export * from "./layers/index.ts";
export * from "./mixture.ts";
export * from "./optimizerSteps.ts";
export * from "./scalePositions.ts";
export type { Strategy } from "./strategy.ts";
