/** Training, evaluation and prediction with GMR networks, in Node and in browsers. */
export { batchStream } from "./batches.ts";
export {
  BEST_SUFFIX,
  type BestSoFar,
  bestName,
  checkpointAge,
  checkpointName,
  loadTrained,
  type NewestCheckpoint,
  type Position,
  readCheckpoint,
  readWeightsFile,
  restoreWeights,
  saveWeights,
  type TrainingState,
  type WeightsFile,
  type Which,
} from "./checkpoint.ts";
export { checkSettings } from "./checkSettings.ts";
export { digestOf, fingerprint } from "./digest.ts";
export {
  type Evaluation,
  type EvaluationOptions,
  evaluate,
  type FlippedScore,
  type TurnedScore,
} from "./evaluate.ts";
export type { StepRecord, TrainEvent, ValidationRecord } from "./events.ts";
export { Classification, type ClassificationMetrics, type Mistake } from "./metrics/classification.ts";
export { meanInterval, wilson } from "./metrics/intervals.ts";
export { IGNORED, Segmentation, type SegmentationMetrics } from "./metrics/segmentation.ts";
export { mostProbable } from "./mostProbable.ts";
export { refreshNorms } from "./norms.ts";
export { Optimizer } from "./optimizer.ts";
export { type PredictOptions, predict, type TestTimeViews } from "./predict.ts";
export { GradientExchange } from "./ranks/gradientExchange.ts";
export { sharedStorage } from "./ranks/sharedStorage.ts";
export { learningRateFactor } from "./schedule.ts";
export type {
  EarlyStopping,
  LossSettings,
  OptimizerSettings,
  ScheduleSettings,
  TrainOptions,
  TrainSettings,
} from "./settings.ts";
export { IndexedDbStorage } from "./storage/indexedDb.ts";
export { MemoryStorage, type Storage } from "./storage/storage.ts";
export { type Evaluator, type Metrics, type Task, taskFor } from "./tasks.ts";
export {
  planTiles,
  segmentTiles,
  type TiledImage,
  type TileOptions,
  type TilePlan,
} from "./tiles.ts";
export { type TrainingInput, type TrainingResult, train } from "./train.ts";
export { trainSettings } from "./trainSettings.ts";
export { type Others, type StepContext, type StepResult, tensorsOf, trainStep } from "./trainStep.ts";
export { decayedWeights, modelVariables } from "./variables.ts";
export {
  batchSizeFor,
  discOf,
  seenAs,
  type View,
  type ViewedBatch,
  type ViewOptions,
  viewBatches,
} from "./views.ts";
