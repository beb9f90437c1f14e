// Logs a training as metrics, TensorBoard events and progress.

import type { TrainEvent } from "@gmr-conv/training";
import type * as tf from "@tensorflow/tfjs";
import type { NetworkConfig } from "../config/schema.ts";
import { sigmasOf } from "../report/networkReport.ts";
import type { Monitor } from "../tasks.ts";
import { appendMetric } from "./metrics.ts";
import type { RunFolder } from "./runFolder.ts";
import { EventFile } from "./tensorBoard.ts";

type EventOf<Type extends TrainEvent["type"]> = Extract<TrainEvent, { type: Type }>;

export class TrainingLog {
  private readonly network: NetworkConfig;
  private readonly model: tf.LayersModel;
  private readonly folder: RunFolder;
  private readonly monitor: Monitor;
  private events: EventFile | undefined;
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
    await appendMetric(this.folder, { type, network: name, ...record });
    this.events?.scalars(record.step, {
      "train/loss": record.loss,
      "train/accuracy": record.accuracy,
      "train/learning_rate": record.learningRate,
      "speed/images_per_second": record.imagesPerSecond,
      "speed/waiting": record.waiting,
    });
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
    await appendMetric(this.folder, {
      type,
      network: this.network.name,
      step,
      epochs,
      score,
      best,
      seconds,
      ...(loss === undefined ? {} : { loss }),
      sigmas,
    });
    this.events?.scalars(step, {
      "validation/score": score,
      ...(loss === undefined ? {} : { "validation/loss": loss }),
    });
    this.validated = `${(100 * score).toFixed(1)} %`;
  }
}
