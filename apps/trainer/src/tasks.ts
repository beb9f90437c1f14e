// What can be done to one network of a run, in a thread of its own.

import type { BackendName } from "./backend.ts";
import type { EvaluationConfig, NetworkConfig, RunConfig } from "./config/schema.ts";
import type { NetworkReport, RotationReport } from "./report/types.ts";

/** Train a network, or evaluate its checkpoint, or both. */
export interface Task {
  /** The run's folder. */
  folder: string;
  config: RunConfig;
  network: NetworkConfig;
  /** Where to compute: the first that works. */
  backends: readonly BackendName[];
  /** Threads to compute with, where the backend has them. */
  threads: number;
  /** Train to the end of the schedule, from the checkpoint where there is one. */
  train: boolean;
  /** Then evaluate. */
  evaluate?: EvaluationConfig | undefined;
}

/** What came of a task. */
export interface Outcome {
  backend: BackendName;
  /** Threads that it computed with. */
  threads: number;
  /** The score on the validation images, of a training. */
  validation?: number | undefined;
  report?: NetworkReport | undefined;
  /** What scores are. */
  score: "accuracy" | "Dice";
  /** Name of the test set, and how many images were trained on, evaluated upright, and turned. */
  dataset: RotationReport["dataset"];
  classNames: string[];
}

/** Where a task tells how far it is, and learns that it should stop. */
export interface Monitor {
  /** Begins a piece of work of `total` units, `done` of which are done. */
  start(label: string, total: number, done: number): void;
  /** @param values the most important first */
  update(done: number, values: Record<string, string>): void;
  /** Says something that is worth a line. */
  note(text: string): void;
  /** Whether the user asked to stop. */
  readonly stopRequested: boolean;
}
