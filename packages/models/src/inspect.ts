// What networks cost, and what they learned.

export { type LayerCost, type ModelCost, modelCost } from "./cost.ts";
export { type LearnedKernels, learnedKernels } from "./learnedKernels.ts";
export { listModels, type ModelInfo } from "./listModels.ts";
