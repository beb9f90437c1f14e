export { checkpointedGradients } from "./checkpointedGradients.ts";
export { clipByGlobalNorm } from "./clipGradients.ts";
export { type CrossEntropyOptions, softmaxCrossEntropy } from "./crossEntropy.ts";
export { type DiceCrossEntropyOptions, type DiceOptions, diceCrossEntropy, diceLoss } from "./dice.ts";
export type { FitFunction } from "./fit/labels.ts";
export { losses } from "./fit/losses.ts";
export { type MeanOverlapOptions, metrics } from "./fit/metrics.ts";
export {
  accuracy,
  diceScore,
  intersectionOverUnion,
  type OverlapOptions,
  type TopKOptions,
  topKAccuracy,
} from "./metrics.ts";
export { ExponentialMovingAverage, type MovingAverageOptions } from "./movingAverage.ts";
export { trainingOutputs } from "./runNodes.ts";
export { stageBoundaries, stageEnds } from "./segments.ts";
export type { LabelOptions } from "./targets.ts";
