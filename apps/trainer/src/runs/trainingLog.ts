// Logs a training as metrics, TensorBoard events and progress.

import { reasonOf } from "@gmr-conv/core";
import type { TrainEvent } from "@gmr-conv/training";
import type * as tf from "@tensorflow/tfjs";
import type { NetworkConfig } from "../config/schema.ts";
import { sigmasOf } from "../report/networkReport.ts";
import type { Monitor } from "../tasks.ts";
import { appendMetric, type Metric } from "./metrics.ts";
import type { RunFolder } from "./runFolder.ts";
import { EventFile } from "./tensorBoard.ts";

type EventOf<Type extends TrainEvent["type"]> = Extract<TrainEvent, { type: Type }>;

export class TrainingLog {
  private readonly network: NetworkConfig;
  private readonly model: tf.LayersModel;
  private readonly folder: RunFolder;
  private readonly monitor: Monitor;
  private events: EventFile | undefined;
  /** Why metrics or events could not be written, as it was last told. */
  private readonly problems = new Map<string, string>();
  /** The last validation's score, for the line of progress. */
  private validated: string | undefined;

  constructor(network: NetworkConfig, model: tf.LayersModel, folder: RunFolder, monitor: Monitor) {
    this.network = network;
    this.model = model;
    this.folder = folder;
    this.monitor = monitor;
  }

  async hear(event: TrainEvent): Promise<void> {
    switch (event.type) {
      case "start":
        return this.start(event);
      case "progress":
        return this.progress(event);
      case "validation":
        return this.validation(event);
      case "warning":
        return this.monitor.note(event.text);
    }
  }

  private start({ step, steps }: EventOf<"start">): void {
    const { name, label, train: settings } = this.network;
    if (step >= steps) {
      this.monitor.note(
        `trained for all of its ${settings.epochs} epochs; --resume --epochs COUNT trains longer`,
      );
      return;
    }
    this.monitor.start(`Training ${label}`, steps, step);
    this.events = new EventFile(this.folder.file(`tensorboard/${name}`));
  }

  private async progress({ type, ...record }: EventOf<"progress">): Promise<void> {
    const { name, train: settings } = this.network;
    await this.log(
      { type, network: name, ...record },
      {
        "train/loss": record.loss,
        "train/accuracy": record.accuracy,
        "train/learning_rate": record.learningRate,
        "speed/images_per_second": record.imagesPerSecond,
        "speed/waiting": record.waiting,
      },
    );
    this.monitor.update(record.step, {
      loss: record.loss.toFixed(3),
      accuracy: `${(100 * record.accuracy).toFixed(1)} %`,
      ...(this.validated === undefined ? {} : { validation: this.validated }),
      epoch: `${record.epoch + 1}/${settings.epochs}`,
      "images/s": record.imagesPerSecond.toFixed(0),
    });
  }

  private async validation(event: EventOf<"validation">): Promise<void> {
    const { type, step, epochs, score, loss, best, seconds } = event;
    const sigmas = await sigmasOf(this.model);
    await this.log(
      {
        type,
        network: this.network.name,
        step,
        epochs,
        score,
        best,
        seconds,
        ...(loss === undefined ? {} : { loss }),
        sigmas,
      },
      { "validation/score": score, ...(loss === undefined ? {} : { "validation/loss": loss }) },
    );
    this.validated = `${(100 * score).toFixed(1)} %`;
  }

  /** Writes metrics and events. They only describe the training: it goes on without those that cannot be written. */
  private async log(metric: Metric, scalars: Record<string, number>): Promise<void> {
    await this.attempt("metrics", () => appendMetric(this.folder, metric));
    await this.attempt("events for TensorBoard", () => this.events?.scalars(metric.step, scalars));
  }

  /** Notes what goes wrong, once until it changes. */
  private async attempt(what: string, write: () => Promise<void> | void): Promise<void> {
    let problem: string | undefined;
    try {
      await write();
    } catch (error) {
      problem = reasonOf(error);
    }
    if (problem === this.problems.get(what)) return;
    if (problem === undefined) {
      this.problems.delete(what);
      this.monitor.note(`${what} are written again`);
    } else {
      this.problems.set(what, problem);
      this.monitor.note(`${problem}: training goes on without ${what}`);
    }
  }
}
