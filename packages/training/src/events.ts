import type { Metrics } from "./tasks.ts";

/** What happens during training. */
export type TrainEvent =
  | { type: "start" /** In all. */; steps: number /** Already done. */; step: number }
  | ({ type: "progress" } & StepRecord)
  | ({ type: "validation" } & ValidationRecord)
  | { type: "checkpoint"; file: string; step: number }
  | { type: "warning"; text: string }
  | { type: "end"; reason: "epochs" | "early"; seconds: number };

/** Means over several steps. */
export interface StepRecord {
  /** Steps done, over all epochs. */
  step: number;
  /** From 0. */
  epoch: number;
  loss: number;
  /** Share of correct images, or positions. */
  accuracy: number;
  learningRate: number;
  /** Training time so far. */
  seconds: number;
  imagesPerSecond: number;
  /** Share of the time spent waiting for images. */
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
