// The training of one network, from its checkpoint if there is one, to the end of its schedule.

import { checkKeys, GmrError, type KeysOf } from "@gmr-conv/core";
import type { Batch, BatchStream, Dataset, LoadedDataset } from "@gmr-conv/data";
import { type Communicator, singleProcess } from "@gmr-conv/distributed";
import { ExponentialMovingAverage } from "@gmr-conv/models/training";
import type * as tf from "@tensorflow/tfjs";
import { batchStream } from "./batches.ts";
import {
  type Position,
  packWeights,
  restoreWeights,
  type TrainingState,
  unpackWeights,
} from "./checkpoint.ts";
import { Checkpoints } from "./checkpoints.ts";
import { classWeights } from "./classShares.ts";
import { fingerprint } from "./digest.ts";
import type { StepRecord, TrainEvent } from "./events.ts";
import { judge } from "./judge.ts";
import { lookBack } from "./lookBack.ts";
import { refreshNormsOn } from "./norms.ts";
import { Optimizer } from "./optimizer.ts";
import { Progress } from "./progress.ts";
import { GradientExchange } from "./ranks/gradientExchange.ts";
import { averageStatistics, checkAlike, shareWeights } from "./ranks/weights.ts";
import { learningRateFactor } from "./schedule.ts";
import type { TrainOptions, TrainSettings } from "./settings.ts";
import { MemoryStorage, type Storage } from "./storage/storage.ts";
import { type Metrics, type Task, taskFor } from "./tasks.ts";
import { trainSettings } from "./trainSettings.ts";
import { type StepContext, type StepResult, trainStep } from "./trainStep.ts";
import { decayedWeights, modelVariables } from "./variables.ts";

/**
 * What a training works with. The result of `loadDataset` or `splitDataset` can be given as it is, `{ model, ...parts }`:
 * what it has besides `train` and `validation` is not read.
 */
export interface TrainingInput extends Partial<Pick<LoadedDataset, "test" | "card" | "damaged">> {
  model: tf.LayersModel;
  train: Dataset;
  /** To choose weights by; without it the last ones are kept. */
  validation?: Dataset | undefined;
  /** Default: {@link trainSettings} for the number of images. */
  settings?: TrainOptions | undefined;
  /** Where checkpoints are kept and looked for. Default: memory. With several processes, that of rank 0 is used. */
  storage?: Storage | undefined;
  /** Names the checkpoints. Default: the model's name. */
  name?: string | undefined;
  /**
   * The batches from a step on, if they are made elsewhere; must equal those of {@link batchStream}, of which each rank
   * gets its part.
   */
  batches?: ((step: number) => AsyncIterable<Batch>) | undefined;
  onEvent?: ((event: TrainEvent) => void | Promise<void>) | undefined;
  /** Asks to stop at the next safe point. */
  signal?: { readonly aborted: boolean } | undefined;
  /**
   * The processes that train this network together, each with a part of every batch (see `@gmr-conv/distributed`). All
   * call `train` with the same model, images and settings; the weights of rank 0 are used at the start, and it alone
   * reads and writes its storage. Default: this process alone.
   */
  communicator?: Communicator | undefined;
}

const KEYS: KeysOf<TrainingInput> = {
  model: true,
  train: true,
  validation: true,
  test: true,
  card: true,
  damaged: true,
  settings: true,
  storage: true,
  name: true,
  batches: true,
  onEvent: true,
  signal: true,
  communicator: true,
};

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
  /** Metrics of the final weights on the validation images. */
  validation?: Metrics | undefined;
  warnings: string[];
}

/**
 * Trains a network to the end of its schedule, or until it stops improving, continuing from the checkpoint in its
 * storage. The model ends with the weights that `settings.select` asks for.
 *
 * @throws GmrError `interrupted` if `signal` asks to stop, after writing a checkpoint; `io` if the last checkpoint cannot
 *   be written (others are missed with a warning); `invalid-data` if the loss is not finite, all checkpoints are damaged
 *   or they were trained on other images; `invalid-shape` for a network that does not fit the images
 *
 * @example
 * const { train: images, validation, test } = await loadDataset({ name: "mnist" }); // of @gmr-conv/data/node
 * await train({ model, train: images, validation, settings: { epochs: 3 }, onEvent: (event) => console.log(event) });
 * const { upright, angles } = await evaluate(model, test, { rotations: 45 });
 */
export async function train(input: TrainingInput): Promise<TrainingResult> {
  checkKeys("the input of train", input, KEYS);
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
  private readonly communicator: Communicator;
  private readonly settings: TrainSettings;
  private readonly checkpoints: Checkpoints;
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
    this.communicator = input.communicator ?? singleProcess();
    this.settings = settings;
    this.name = input.name ?? model.name;
    const storage = input.storage ?? new MemoryStorage();
    this.checkpoints = new Checkpoints(storage, this.name, settings, (text) => this.warn(text));
    this.task = taskFor(model, train, settings.augment.size);
    const { rank: index, size: of } = this.communicator;
    this.stream = batchStream(train, settings, of > 1 ? { index, of } : undefined);
    if (of > 1 && settings.accumulate > 1 && settings.batchSize % (of * settings.accumulate) !== 0) {
      throw new GmrError(
        "invalid-argument",
        `batchSize ${settings.batchSize} on ${of} ranks with accumulate ${settings.accumulate}, expected a multiple of ` +
          `${of * settings.accumulate}, so that all parts are equal`,
      );
    }
    // Checked before the optimiser allocates its state.
    const weights = classWeights(train, settings.loss);
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
      classWeights: weights,
      others:
        of > 1
          ? {
              communicator: this.communicator,
              exchange: new GradientExchange(this.communicator, [...variables.values()]),
              batchSize: settings.batchSize,
              syncBatchNorm: settings.syncBatchNorm,
            }
          : undefined,
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

  /** Where all ranks continue from: the checkpoint of rank 0, or its weights. */
  private async restore(): Promise<void> {
    const { communicator, state, input } = this;
    const data = await this.checkedFingerprint();
    if (communicator.rank === 0) await this.restoreHere(data);
    if (communicator.size === 1) return;
    const own = communicator.rank === 0 ? await packWeights(input.model, this.position, state) : undefined;
    const bytes = await communicator.broadcast(own?.bytes);
    if (own) return;
    const found = await unpackWeights(bytes, "what rank 0 continues from");
    await restoreWeights(found, input.model, state);
    this.position = found.position;
  }

  /** The fingerprint of the images. @throws GmrError `invalid-data` if they are not those of rank 0 */
  private async checkedFingerprint(): Promise<string> {
    const { communicator, input } = this;
    // Ranks may take different times to fetch their images.
    await communicator.gather(new Uint8Array(0), true);
    const own = await fingerprint(input.train);
    const first = new TextEncoder().encode(own);
    const bytes = await communicator.broadcast(communicator.rank === 0 ? first : undefined, true);
    if (new TextDecoder().decode(bytes) === own) return own;
    throw new GmrError(
      "invalid-data",
      `rank ${communicator.rank} reads other images of ${input.train.name} than rank 0: all ranks need the same files`,
    );
  }

  private async restoreHere(data: string): Promise<void> {
    const found = await this.checkpoints.restore();
    if (!found) {
      this.position.data = data;
      return;
    }
    if (found.position.data !== data) {
      throw new GmrError(
        "invalid-data",
        `the images of ${this.input.train.name} are not those that ${this.name} was trained on so far: ` +
          "restore them, or start another run",
      );
    }
    await restoreWeights(found, this.input.model, this.state);
    this.position = found.position;
  }

  private async loop(total: number): Promise<void> {
    const { settings, stream, position } = this;
    const batches = this.input.batches ?? ((step: number) => this.ownBatches(step));
    const progress = new Progress(settings.batchSize, total);
    let savedAt = this.seconds();
    let asked = performance.now();
    for await (const batch of batches(position.step)) {
      progress.waited(performance.now() - asked);
      const due = (): boolean => this.seconds() - savedAt > settings.checkpointSeconds;
      const votes = this.communicator.size > 1 ? this.vote(due()) : undefined;
      const factor = learningRateFactor(settings.schedule, position.step, total, stream.stepsPerEpoch);
      const learningRate = settings.optimizer.learningRate * factor;
      const result = await this.step(batch, learningRate);
      const at = { step: position.step, epoch: batch.epoch, learningRate, seconds: this.seconds() };
      const record = progress.add(result, at);
      if (record) {
        this.last = record;
        await this.tell({ type: "progress", ...record });
      }
      const ended =
        position.step % stream.stepsPerEpoch === 0 &&
        (await this.endEpoch(position.step / stream.stepsPerEpoch));
      const agreed = await votes;
      if (agreed ? agreed.stop : this.input.signal?.aborted) {
        const file = await this.saveLast(true);
        throw new GmrError(
          "interrupted",
          `${this.name} stopped at step ${position.step} of ${total}; checkpoint: ${file}`,
        );
      }
      if (ended) break;
      if (agreed ? agreed.save : due()) {
        await this.save();
        savedAt = this.seconds();
      }
      asked = performance.now();
    }
  }

  /**
   * Whether all ranks stop, or write a checkpoint, after this step: if any was asked to, and if it is time by the clock
   * of rank 0. Decided while the step is computed.
   */
  private async vote(due: boolean): Promise<{ stop: boolean; save: boolean }> {
    const { communicator, input } = this;
    const votes = Float64Array.of(
      Number(input.signal?.aborted ?? false),
      Number(due && communicator.rank === 0),
    );
    await communicator.allReduce(votes, "max");
    return { stop: votes[0] > 0, save: votes[1] > 0 };
  }

  /** @throws GmrError `invalid-data` if the loss is not finite */
  private async step(batch: Batch, learningRate: number): Promise<StepResult> {
    const { settings, position } = this;
    const result = await trainStep(this.context, batch, learningRate);
    this.state.average?.update();
    if (!Number.isFinite(result.loss)) {
      throw new GmrError(
        "invalid-data",
        `the loss became ${result.loss} at step ${position.step}: ` +
          `try a smaller learning rate than ${settings.optimizer.learningRate}`,
      );
    }
    position.step++;
    return result;
  }

  private ownBatches(step: number): AsyncIterable<Batch> {
    const { stepsPerEpoch } = this.stream;
    return this.stream.from(Math.floor(step / stepsPerEpoch), step % stepsPerEpoch);
  }

  /** Validates if it is time to. @returns whether training ends early */
  private async endEpoch(epochs: number): Promise<boolean> {
    const { settings, position } = this;
    if (settings.keepEvery !== undefined && epochs % settings.keepEvery === 0) {
      await this.withAverages(async () => {
        await averageStatistics(this.communicator, this.input.model);
        await this.onFirst(() => this.checkpoints.saveEpoch(this.input.model, position, epochs));
      });
    }
    const last = epochs === settings.epochs;
    if (!this.input.validation || (epochs % settings.validateEvery !== 0 && !last)) return false;
    // The last weights are validated after their statistics were re-estimated.
    if (last) return false;
    return this.withAverages(() => this.validate(epochs));
  }

  /** Validates the current weights and keeps them if they are the best. @returns whether to stop early */
  private async validate(epochs: number): Promise<boolean> {
    const { settings, position } = this;
    await averageStatistics(this.communicator, this.input.model);
    await checkAlike(this.communicator, this.input.model);
    const { metrics, score } = await this.judge(this.input.validation as Dataset);
    const gain = settings.earlyStopping?.minimumGain ?? 0;
    const better = !position.best || score > position.best.score + gain;
    // Of equally good weights, those that were trained longer.
    const best = better || score === position.best?.score;
    position.sinceBest = better ? 0 : position.sinceBest + 1;
    if (best) {
      position.best = { epoch: epochs, score };
      await this.onFirst(() => this.checkpoints.saveBest(this.input.model, position));
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

  private judge(dataset: Dataset): Promise<{ metrics: Metrics; score: number }> {
    return judge(this.input.model, this.task, dataset, this.settings, this.communicator);
  }

  /** The end of the last epoch: re-estimated statistics, the last validation, the last checkpoint. */
  private async finish(): Promise<void> {
    const { position, settings, input } = this;
    const early = position.finished === "early";
    position.seconds = this.seconds();
    if (!early) {
      await this.withAverages(async () => {
        if (settings.refreshNorms)
          await refreshNormsOn(input.train, input.model, settings, this.communicator);
        if (input.validation) await this.validate(settings.epochs);
      });
      position.finished = "epochs"; // Even if the last validation asked for an early end.
    }
    await this.saveLast(false);
  }

  /** Gives the model its final weights and checks that it has learned something. */
  private async settle(): Promise<Metrics | undefined> {
    const { settings, position, name, input } = this;
    const best = settings.select === "best" && input.validation !== undefined && position.best !== undefined;
    await this.onFirst(async () => {
      const found = await this.checkpoints.final(best);
      if (found) await restoreWeights(found, input.model);
    });
    await shareWeights(this.communicator, input.model);
    const warning = await lookBack(name, input.model, this.task, input.train, settings, this.communicator);
    if (warning !== undefined) await this.warn(warning);
    return input.validation && (await this.judge(input.validation)).metrics;
  }

  private async withAverages<T>(work: () => Promise<T>): Promise<T> {
    const { average } = this.state;
    return average ? average.withAverages(work) : work();
  }

  /** Writes a checkpoint, unless that fails. */
  private async save(): Promise<void> {
    const { position, input, state } = this;
    position.seconds = this.seconds();
    await averageStatistics(this.communicator, input.model);
    const file = await this.onFirst(() => this.checkpoints.save(input.model, position, state));
    if (file !== undefined) await this.tell({ type: "checkpoint", file, step: position.step });
  }

  /** Writes the checkpoint that this training ends with. @returns its name in messages */
  private async saveLast(stopped: boolean): Promise<string> {
    const { position, input, state } = this;
    position.seconds = this.seconds();
    await averageStatistics(this.communicator, input.model);
    const file = await this.onFirst(() =>
      this.checkpoints.saveLast(input.model, position, state, stopped, input.signal),
    );
    if (file !== undefined) await this.tell({ type: "checkpoint", file, step: position.step });
    return file ?? "written by rank 0";
  }

  /** What only rank 0 does. */
  private async onFirst<T>(work: () => Promise<T>): Promise<T | undefined> {
    return this.communicator.rank === 0 ? work() : undefined;
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
