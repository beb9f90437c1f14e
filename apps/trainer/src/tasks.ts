// What can be done to one network of a run, in its own thread.

import type { BackendName } from "./backend.ts";
import type { EvaluationConfig, NetworkConfig, RunConfig } from "./config/schema.ts";
import type { NetworkReport, RotationReport } from "./report/types.ts";

/** Train a network, or evaluate its checkpoint, or both. */
export interface Task {
  /** The run's folder. */
  folder: string;
  config: RunConfig;
  network: NetworkConfig;
  /** Where to compute: on the first that works. */
  backends: readonly BackendName[];
  /** Threads to use, if the backend has them. */
  threads: number;
  /** Train to the end of the schedule, from the checkpoint if there is one. */
  train: boolean;
  /** Then evaluate. */
  evaluate?: EvaluationConfig | undefined;
}

/** The result of a task. */
export interface Outcome {
  backend: BackendName;
  /** Threads used, by each process. */
  threads: number;
  /** Number of processes that shared the work, if there were several. */
  processes?: number | undefined;
  /** After training: the score on the validation images. */
  validation?: number | undefined;
  report?: NetworkReport | undefined;
  /** What the scores measure. */
  score: "accuracy" | "Dice";
  /** Name of the data set, and the number of images in each role. */
  dataset: RotationReport["dataset"];
  classNames: string[];
}

/** Where a task reports its progress and learns that it should stop. */
export interface Monitor {
  /** Begins work of `total` units, `done` of which are done. */
  start(label: string, total: number, done: number): void;
  /** @param values the most important first */
  update(done: number, values: Record<string, string>): void;
  /** Prints a line. */
  note(text: string): void;
  /** Whether the user asked to stop. */
  readonly stopRequested: boolean;
}
