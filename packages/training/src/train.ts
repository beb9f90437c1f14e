// The training of one network, from its checkpoint where there is one, to the end of its schedule.

import { GmrError } from "@gmr-conv/core";
import { augmenter, type Batch, BatchStream, type Dataset, pickEvenly } from "@gmr-conv/data";
import { ExponentialMovingAverage } from "@gmr-conv/models";
import * as tf from "@tensorflow/tfjs";
import {
  bestName,
  checkpointName,
  type Position,
  readWeightsFile,
  restoreWeights,
  saveWeights,
  type TrainingState,
} from "./checkpoint.ts";
import { fingerprint } from "./digest.ts";
import type { StepRecord, TrainEvent } from "./events.ts";
import { refreshNorms } from "./norms.ts";
import { Optimizer } from "./optimizer.ts";
import { learningRateFactor } from "./schedule.ts";
import { type TrainOptions, type TrainSettings, trainSettings } from "./settings.ts";
import { MemoryStorage, type Storage } from "./storage/storage.ts";
import { type Metrics, type Task, taskFor } from "./tasks.ts";
import { type StepContext, trainStep } from "./trainStep.ts";
import { decayedWeights, modelVariables } from "./variables.ts";
import { viewBatches } from "./views.ts";

/** What a training works with. */
export interface TrainingInput {
  model: tf.LayersModel;
  train: Dataset;
  /** To choose weights by; without it the last ones are kept. */
  validation?: Dataset | undefined;
  /** Default: {@link trainSettings} for the number of images. */
  settings?: TrainOptions | undefined;
  /** Where checkpoints are kept, and looked for. Default: memory. */
  storage?: Storage | undefined;
  /** Names the checkpoints. Default: the model's name. */
  name?: string | undefined;
  /** The batches from a step on, if they are made elsewhere; they must be those of {@link batchStream}. */
  batches?: ((step: number) => AsyncIterable<Batch>) | undefined;
  onEvent?: ((event: TrainEvent) => void | Promise<void>) | undefined;
  /** Asks to stop at the next safe point. */
  signal?: { readonly aborted: boolean } | undefined;
}

export interface TrainingResult {
  /** Steps done, over all epochs. */
  steps: number;
  /** Training time, seconds. */
  seconds: number;
  /** Why it ended. */
  reason: "epochs" | "early";
  /** The last training figures. */
  last?: StepRecord | undefined;
  /** The best validation. */
  best?: Position["best"];
  /** Of the weights that the model has now, on the validation images. */
  validation?: Metrics | undefined;
  warnings: string[];
}

/** A line sums up so many steps. */
const STEPS_PER_LINE = 20;
/** So many images are read again when training ends, to see whether they were learned. */
const LOOK_BACK = 500;
/** Batches that the statistics of normalisation are estimated from. */
const NORM_BATCHES = 64;

/** The batches of a training. @throws GmrError `invalid-argument` as `BatchStream` and `augmenter` */
export function batchStream(train: Dataset, settings: TrainSettings): BatchStream {
  const { batchSize, epochs, seed, sampling, augment, normalization } = settings;
  return new BatchStream(train, {
    batchSize,
    epochs,
    seed,
    sampling,
    augment: augmenter(augment, normalization),
  });
}

/**
 * Trains a network: to the end of its schedule, or until it gets no better. Goes on from the checkpoint that its storage has. The model
 * ends with the weights that `settings.select` asks for.
 *
 * @throws GmrError `interrupted` where `signal` asks to stop, with a checkpoint written; `invalid-data` if the loss is no number, or
 *   the checkpoint was trained on other images; `invalid-shape` for a network that does not fit the images
 */
export async function train(input: TrainingInput): Promise<TrainingResult> {
  const settings = trainSettings(input.train.count, input.settings);
  const training = new Training(input, settings);
  try {
    return await training.run();
  } finally {
    training.dispose();
  }
}

class Training {
  private readonly input: TrainingInput;
  private readonly settings: TrainSettings;
  private readonly storage: Storage;
  private readonly name: string;
  private readonly stream: BatchStream;
  private readonly task: Task;
  private readonly context: StepContext;
  private readonly state: TrainingState;
  private readonly warnings: string[] = [];
  private position: Position = { step: 0, seconds: 0, data: "", sinceBest: 0 };
  private last: StepRecord | undefined;
  private started = 0;

  constructor(input: TrainingInput, settings: TrainSettings) {
    const { model, train } = input;
    this.input = input;
    this.settings = settings;
    this.storage = input.storage ?? new MemoryStorage();
    this.name = input.name ?? model.name;
    this.task = taskFor(model, train, settings.augment.size);
    this.stream = batchStream(train, settings);
    const weightsOfClasses = classWeights(train, settings);
    const variables = modelVariables(model, true);
    const optimizer = new Optimizer(
      settings.optimizer,
      variables,
      decayedWeights(model, settings.optimizer.exclude),
    );
    this.state = {
      optimizer,
      average:
        settings.ema === undefined ? undefined : new ExponentialMovingAverage(model, { decay: settings.ema }),
    };
    this.context = {
      model,
      task: this.task,
      optimizer,
      variables: [...variables.values()],
      settings,
      classWeights: weightsOfClasses,
    };
  }

  dispose(): void {
    this.state.optimizer.dispose();
    this.state.average?.dispose();
  }

  async run(): Promise<TrainingResult> {
    await this.restore();
    const total = this.stream.totalSteps;
    // A finished training can be given more epochs.
    if (this.position.finished === "epochs" && this.position.step < total) this.position.finished = undefined;
    await this.tell({ type: "start", steps: total, step: this.position.step });
    this.started = performance.now() - 1000 * this.position.seconds;
    if (!this.position.finished) {
      if (this.position.step < total) await this.loop(total);
      await this.finish();
    }
    const reason = this.position.finished ?? "epochs";
    const validation = await this.settle();
    await this.tell({ type: "end", reason, seconds: this.position.seconds });
    return {
      steps: this.position.step,
      seconds: this.position.seconds,
      reason,
      last: this.last,
      best: this.position.best,
      validation,
      warnings: this.warnings,
    };
  }

  private async restore(): Promise<void> {
    const data = await fingerprint(this.input.train);
    const found = await readWeightsFile(this.storage, checkpointName(this.name));
    if (!found) {
      this.position.data = data;
      return;
    }
    if (found.position.data !== data) {
      throw new GmrError(
        "invalid-data",
        `the images of ${this.input.train.name} are not those that ${this.name} was trained on so far: ` +
          "bring them back, or start another run",
      );
    }
    await restoreWeights(found, this.input.model, this.state);
    this.position = found.position;
  }

  private async loop(total: number): Promise<void> {
    const { settings, stream, position } = this;
    const { batches, signal } = this.input;
    const from = batches ?? ((step: number) => this.ownBatches(step));
    const speed = new Speed(position.step);
    let sums = { steps: 0, loss: 0, accuracy: 0 };
    let savedAt = this.seconds();
    let asked = performance.now();
    for await (const batch of from(position.step)) {
      speed.waited(performance.now() - asked);
      const factor = learningRateFactor(settings.schedule, position.step, total, stream.stepsPerEpoch);
      const learningRate = settings.optimizer.learningRate * factor;
      const { loss, accuracy } = await trainStep(this.context, batch, learningRate);
      this.state.average?.update();
      if (!Number.isFinite(loss)) {
        throw new GmrError(
          "invalid-data",
          `the loss became ${loss} at step ${position.step}: try a smaller learning rate than ${settings.optimizer.learningRate}`,
        );
      }
      position.step++;
      sums = { steps: sums.steps + 1, loss: sums.loss + loss, accuracy: sums.accuracy + accuracy };
      if (sums.steps === STEPS_PER_LINE || position.step === total) {
        const { perSecond, waiting } = speed.at(position.step);
        this.last = {
          step: position.step,
          epoch: batch.epoch,
          loss: sums.loss / sums.steps,
          accuracy: sums.accuracy / sums.steps,
          learningRate,
          seconds: this.seconds(),
          imagesPerSecond: perSecond * settings.batchSize,
          waiting,
        };
        await this.tell({ type: "progress", ...this.last });
        sums = { steps: 0, loss: 0, accuracy: 0 };
      }
      const ended =
        position.step % stream.stepsPerEpoch === 0 &&
        (await this.endEpoch(position.step / stream.stepsPerEpoch));
      if (signal?.aborted) {
        const file = await this.save();
        throw new GmrError(
          "interrupted",
          `${this.name} stopped at step ${position.step} of ${total}; checkpoint: ${file}`,
        );
      }
      if (ended) break;
      if (this.seconds() - savedAt > settings.checkpointSeconds) {
        await this.save();
        savedAt = this.seconds();
      }
      asked = performance.now();
    }
  }

  private ownBatches(step: number): AsyncIterable<Batch> {
    const { stepsPerEpoch } = this.stream;
    return this.stream.from(Math.floor(step / stepsPerEpoch), step % stepsPerEpoch);
  }

  /** Validates where it is time to. @returns whether training is over before its last epoch */
  private async endEpoch(epochs: number): Promise<boolean> {
    const { settings, position, storage, name } = this;
    if (settings.keepEvery !== undefined && epochs % settings.keepEvery === 0) {
      const file = `${name}.epoch-${String(epochs).padStart(4, "0")}.safetensors`;
      await this.withAverages(() => saveWeights(storage, file, this.input.model, position));
    }
    const last = epochs === settings.epochs;
    if (!this.input.validation || (epochs % settings.validateEvery !== 0 && !last)) return false;
    // The last weights are validated when their statistics are estimated anew.
    if (last) return false;
    return this.withAverages(() => this.validate(epochs));
  }

  /** Validates the present weights and keeps them if they are the best. @returns whether it is time to stop early */
  private async validate(epochs: number): Promise<boolean> {
    const { settings, position, storage, name } = this;
    const { metrics, score } = await this.judge();
    const gain = settings.earlyStopping?.minimumGain ?? 0;
    const better = !position.best || score > position.best.score + gain;
    // Of equally good ones those that were trained longer.
    const best = better || score === position.best?.score;
    position.sinceBest = better ? 0 : position.sinceBest + 1;
    if (best) {
      position.best = { epoch: epochs, score };
      await saveWeights(storage, bestName(name), this.input.model, position);
    }
    await this.tell({
      type: "validation",
      step: position.step,
      epochs,
      score,
      ...("loss" in metrics ? { loss: metrics.loss } : {}),
      metrics,
      best,
      seconds: this.seconds(),
    });
    const { earlyStopping } = settings;
    if (!earlyStopping || position.sinceBest < earlyStopping.patience) return false;
    position.finished = "early";
    return true;
  }

  private async judge(
    dataset = this.input.validation as Dataset,
  ): Promise<{ metrics: Metrics; score: number }> {
    const { settings } = this;
    const limit = Math.min(settings.validationLimit ?? dataset.count, dataset.count);
    const evaluator = this.task.evaluator(dataset.classNames.length);
    const { normalization, augment } = settings;
    for await (const { images, labels } of viewBatches(pickEvenly(dataset, limit), {
      normalization,
      size: augment.size,
    })) {
      const logits = tf.tidy(() => this.input.model.apply(images) as tf.Tensor);
      await evaluator.add(labels, logits);
      tf.dispose([images, logits]);
    }
    return { metrics: evaluator.metrics(), score: evaluator.score };
  }

  /** The end of the last epoch: statistics estimated anew, the last validation, the last checkpoint. */
  private async finish(): Promise<void> {
    const { position, settings, input } = this;
    const early = position.finished === "early";
    position.seconds = this.seconds();
    if (!early) {
      await this.withAverages(async () => {
        if (settings.refreshNorms) await this.refresh();
        if (input.validation) await this.validate(settings.epochs);
      });
      position.finished = "epochs"; // What the last validation says does not make it an early end.
    }
    await this.save();
  }

  private async refresh(): Promise<void> {
    const { train, model } = this.input;
    const { settings } = this;
    const size = Math.max(2, Math.floor(settings.batchSize / settings.accumulate));
    const count = Math.min(train.count, size * NORM_BATCHES);
    const { normalization, augment } = settings;
    const views = viewBatches(pickEvenly(train, count), { normalization, size: augment.size }, size);
    async function* inputs(): AsyncGenerator<tf.Tensor> {
      for await (const { images, labels } of views) {
        if (labels.length > 0 && images.shape[0] > 1) yield images;
        else images.dispose();
      }
    }
    await refreshNorms(model, inputs());
  }

  /** Gives the model the weights to end with, and looks whether it has learned its images. */
  private async settle(): Promise<Metrics | undefined> {
    const { settings, storage, name, input } = this;
    const best =
      settings.select === "best" && input.validation
        ? await readWeightsFile(storage, bestName(name))
        : undefined;
    const found = best ?? (await readWeightsFile(storage, checkpointName(name)));
    if (found) await restoreWeights(found, input.model);
    const images = pickEvenly(input.train, Math.min(LOOK_BACK, input.train.count));
    const { score, metrics } = await this.judge(images);
    const chance = chanceOf(images);
    if (this.task.score === "accuracy" && score < 1.5 * chance && chance < 0.6) {
      await this.warn(
        `${name} reads its own training images at ${(100 * score).toFixed(1)} %, about as guessing would (${(100 * chance).toFixed(1)} %): ` +
          "it has learned nothing; try more epochs, a smaller learning rate, or less augmentation",
      );
    } else if (this.task.score === "Dice" && metrics && score < 0.05) {
      await this.warn(
        `${name} finds hardly anything in its own training images (Dice ${score.toFixed(3)}): it has learned nothing`,
      );
    }
    return input.validation ? (await this.judge()).metrics : undefined;
  }

  private async withAverages<T>(work: () => Promise<T>): Promise<T> {
    const { average } = this.state;
    return average ? average.withAverages(work) : work();
  }

  private async save(): Promise<string> {
    const { position, storage, input } = this;
    position.seconds = this.seconds();
    const file = checkpointName(this.name);
    await saveWeights(storage, file, input.model, position, this.state);
    await this.tell({ type: "checkpoint", file: storage.describe(file), step: position.step });
    return storage.describe(file);
  }

  private async warn(text: string): Promise<void> {
    this.warnings.push(text);
    await this.tell({ type: "warning", text });
  }

  private async tell(event: TrainEvent): Promise<void> {
    await this.input.onEvent?.(event);
  }

  private seconds(): number {
    return (performance.now() - this.started) / 1000;
  }
}

/** The share that always answering the most frequent class would get. */
function chanceOf({ labels, count, classNames }: Dataset): number {
  if (!labels) return 0;
  const counts = classNames.map(() => 0);
  for (let i = 0; i < count; i++) counts[labels[i]]++;
  return Math.max(...counts) / count;
}

/** @throws GmrError `invalid-argument` for weights of another number of classes, `unsupported` for balanced ones of masks */
function classWeights(train: Dataset, { loss }: TrainSettings): readonly number[] | undefined {
  const { classWeights: wanted } = loss;
  if (wanted === undefined) return undefined;
  const { classNames, labels, count } = train;
  if (wanted !== "balanced") {
    if (wanted.length === classNames.length) return wanted;
    throw new GmrError(
      "invalid-argument",
      `loss.classWeights: ${wanted.length} weights, ${train.name} has ${classNames.length} classes`,
    );
  }
  if (!labels)
    throw new GmrError("unsupported", 'loss.classWeights "balanced" needs one class per image: give numbers');
  const counts = classNames.map(() => 0);
  for (let i = 0; i < count; i++) counts[labels[i]]++;
  return counts.map((own) => (own === 0 ? 0 : count / (classNames.length * own)));
}

/** Steps per second, and the share of waiting, since the last call. */
class Speed {
  private step: number;
  private time = performance.now();
  private waits = 0;

  constructor(step: number) {
    this.step = step;
  }

  waited(milliseconds: number): void {
    this.waits += milliseconds;
  }

  at(step: number): { perSecond: number; waiting: number } {
    const now = performance.now();
    const passed = Math.max(1e-3, now - this.time);
    const result = { perSecond: (1000 * (step - this.step)) / passed, waiting: this.waits / passed };
    this.step = step;
    this.time = now;
    this.waits = 0;
    return result;
  }
}
