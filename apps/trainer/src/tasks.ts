// What can be done to one network of a run, in a thread of its own.

import type { Evaluation, EvaluationOptions } from "./evaluation/evaluate.ts";
import type { NetworkReport } from "./report/types.ts";
import type { NetworkConfig, TrainConfig } from "./training/config.ts";

interface NetworkTask {
  /** The run's folder. */
  folder: string;
  config: TrainConfig;
  network: NetworkConfig;
}

/** Train to the end of the schedule, from the checkpoint where there is one. */
export interface TrainTask extends NetworkTask {
  kind: "train";
}

/** Evaluate the checkpoint. */
export interface EvaluateTask extends NetworkTask {
  kind: "evaluate";
  options: EvaluationOptions;
}

export type Task = TrainTask | EvaluateTask;

export interface TaskResult {
  /** What the report says of the network; after evaluation only. */
  report?: NetworkReport;
  evaluation?: Pick<Evaluation, "turnedImages" | "uprightImages">;
}

/** Where a task tells how far it is, and learns that it should stop. */
export interface Monitor {
  /** Begins a piece of work of `total` units, `done` of which are done. */
  start(label: string, total: number, done: number): void;
  update(done: number, values: Record<string, string>): void;
  /** Whether the user asked to stop. */
  readonly stopRequested: boolean;
}
