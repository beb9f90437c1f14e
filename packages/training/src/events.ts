import type { Metrics } from "./tasks.ts";

/** What happens in a training. All but `step` are worth a line. */
export type TrainEvent =
  | { type: "start" /** Of the whole training. */; steps: number /** Already done. */; step: number }
  | ({ type: "progress" } & StepRecord)
  | ({ type: "validation" } & ValidationRecord)
  | { type: "checkpoint"; file: string; step: number }
  | { type: "warning"; text: string }
  | { type: "end"; reason: "epochs" | "early"; seconds: number };

/** Means over some steps. */
export interface StepRecord {
  /** Steps done, over all epochs. */
  step: number;
  /** From 0. */
  epoch: number;
  loss: number;
  /** Share of the images, or positions, that were right. */
  accuracy: number;
  learningRate: number;
  /** Training time so far. */
  seconds: number;
  imagesPerSecond: number;
  /** Share of the time that was spent waiting for images. */
  waiting: number;
}

export interface ValidationRecord {
  step: number;
  /** Epochs done. */
  epochs: number;
  /** Accuracy, or mean Dice. */
  score: number;
  loss?: number | undefined;
  metrics: Metrics;
  /** Whether it is the best so far. */
  best: boolean;
  seconds: number;
}
