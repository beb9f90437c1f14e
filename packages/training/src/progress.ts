import type { StepRecord } from "./events.ts";
import type { StepResult } from "./trainStep.ts";

/** Steps summed up in one record. */
const STEPS_PER_RECORD = 20;

/** Collects steps and turns every {@link STEPS_PER_RECORD} of them into a record. */
export class Progress {
  private readonly batchSize: number;
  private readonly lastStep: number;
  private sums = { steps: 0, loss: 0, accuracy: 0 };
  private time = performance.now();
  private waits = 0;

  constructor(batchSize: number, lastStep: number) {
    this.batchSize = batchSize;
    this.lastStep = lastStep;
  }

  /** Adds time spent waiting for images. */
  waited(milliseconds: number): void {
    this.waits += milliseconds;
  }

  /** Adds a step. @returns the means since the last record, if it is time for one */
  add(
    { loss, accuracy }: StepResult,
    at: Pick<StepRecord, "step" | "epoch" | "learningRate" | "seconds">,
  ): StepRecord | undefined {
    this.sums.steps++;
    this.sums.loss += loss;
    this.sums.accuracy += accuracy;
    if (this.sums.steps < STEPS_PER_RECORD && at.step < this.lastStep) return undefined;
    const { sums } = this;
    const now = performance.now();
    const passed = Math.max(1e-3, now - this.time);
    const record = {
      ...at,
      loss: sums.loss / sums.steps,
      accuracy: sums.accuracy / sums.steps,
      imagesPerSecond: ((1000 * sums.steps) / passed) * this.batchSize,
      waiting: this.waits / passed,
    };
    this.sums = { steps: 0, loss: 0, accuracy: 0 };
    this.time = now;
    this.waits = 0;
    return record;
  }
}
