// The training of both networks by turns, with everything that a page may ask of it. Knows no backend and no page.

import { codeOf, GmrError, reasonOf } from "@gmr-conv/core";
import { type Batch, type Dataset, pickEvenly, rotateImages } from "@gmr-conv/data";
import { readWeights, writeSafetensors } from "@gmr-conv/io";
import { loadStateDict, stateDictOf } from "@gmr-conv/io/layers";
import { createModel } from "@gmr-conv/models/registry";
import {
  batchStream,
  checkpointAge,
  checkpointName,
  decayedWeights,
  fingerprint,
  modelVariables,
  Optimizer,
  predict,
  readCheckpoint,
  refreshNorms,
  restoreWeights,
  type Storage,
  saveWeights,
  type TrainEvent,
  type TrainSettings,
  train,
  trainSettings,
  viewBatches,
} from "@gmr-conv/training";
import * as tf from "@tensorflow/tfjs";
import { NETWORKS, type NetworkName, type PerNetwork } from "../../engine/types.ts";
import type { Digits } from "./digits.ts";
import { ANGLES, emptyCourse, newRun, type Run, readRun, upTo, writeRun } from "./history.ts";
import { networkOf, type RunSettings, trainOptions } from "./settings.ts";
import { breathe, Turns } from "./turns.ts";

const RUN_FILE = "run.json";
const STEPS_PER_TURN = 10;
/** Steps between readings of the held-out digits. */
export const STEPS_PER_READING = 100;
/** Training digits that the statistics of normalisation are estimated from before a reading. */
const STATISTICS_FROM = 256;
/** Milliseconds between reports of steps. */
const TELL_EVERY = 300;

/** Where a run stands. */
export interface RunState extends Run {
  /** Steps to do with each network. */
  total: number;
  /** Steps done. */
  steps: PerNetwork<number>;
  parameters: PerNetwork<number>;
  /** Milliseconds per step, over the last ones; undefined before the first. */
  pace: PerNetwork<number | undefined>;
  running: boolean;
}

/** What the networks say about an image: the digit, and its probability. */
export interface Answer {
  digit: number;
  probability: number;
}

export class Session {
  private readonly digits: Digits;
  private readonly storage: Storage;
  private readonly onChange: (state: RunState) => void;
  private readonly onWarning: (text: string) => void;
  private run: Run = newRun();
  private settings: TrainSettings;
  private models: PerNetwork<tf.LayersModel> | undefined;
  private steps: PerNetwork<number> = { gmr: 0, dense: 0 };
  private pace: PerNetwork<number | undefined> = { gmr: undefined, dense: undefined };
  private stop: AbortController | undefined;
  private training: Promise<void> | undefined;
  private told = 0;

  /**
   * @param onChange called after every record, reading and checkpoint
   * @param onWarning called with what is wrong with checkpoints
   */
  constructor(
    digits: Digits,
    storage: Storage,
    onChange: (state: RunState) => void,
    onWarning: (text: string) => void = () => {},
  ) {
    this.digits = digits;
    this.storage = storage;
    this.onChange = onChange;
    this.onWarning = onWarning;
    this.settings = this.settingsOf(this.run);
  }

  /** Makes the networks on the active backend, as the last checkpoints left them. */
  async open(): Promise<RunState> {
    const kept = await this.storage.read(RUN_FILE);
    await this.make((kept && readRun(kept)) ?? this.run);
    for (const name of NETWORKS) {
      try {
        const found = await readCheckpoint(this.storage, name);
        if (!found || !kept) continue;
        await restoreWeights(found, this.model(name));
        this.steps[name] = found.position.step;
        if (found.age > 0) {
          this.onWarning(`${found.problems.join("; ")}: training goes on from step ${found.position.step}.`);
        }
      } catch (error) {
        if (codeOf(error) !== "invalid-data") throw error;
        // Damaged, or of another network: begin again.
        this.onWarning(`${reasonOf(error)}; the network begins anew.`);
        await this.forget(name);
      }
    }
    for (const name of NETWORKS) this.run.courses[name] = upTo(this.run.courses[name], this.steps[name]);
    return this.state();
  }

  /** Forgets everything and makes new networks. */
  async reset(settings: RunSettings): Promise<RunState> {
    await this.pause();
    for (const file of await this.storage.list()) await this.storage.remove(file);
    await this.make(newRun(settings));
    return this.state();
  }

  /** Lets go of the networks, for another backend; {@link open} makes them again. */
  dispose(): void {
    if (this.models) for (const name of NETWORKS) this.models[name].dispose();
    this.models = undefined;
  }

  /**
   * Trains both networks to the end, from where they stand, or until {@link pause}.
   * @throws GmrError what `train` throws, except when it was paused
   */
  async go(): Promise<void> {
    this.training ??= this.trainBoth().finally(() => {
      this.training = undefined;
      this.stop = undefined;
    });
    await this.training;
  }

  /** Ends {@link go} at the next step, with checkpoints. */
  async pause(): Promise<void> {
    this.stop?.abort();
    await this.training?.catch(() => undefined);
  }

  state(): RunState {
    return {
      ...structuredClone(this.run),
      total: batchStream(this.digits.train, this.settings).totalSteps,
      steps: { ...this.steps },
      parameters: { gmr: this.model("gmr").countParams(), dense: this.model("dense").countParams() },
      pace: { ...this.pace },
      running: this.training !== undefined,
    };
  }

  /** What both networks say about images, all turned by an angle. @param images [N · 28 · 28] from 0 to 1 */
  async read(images: Float32Array, degrees: number): Promise<PerNetwork<Answer[]>> {
    const { shape } = this.digits.heldOut;
    const turned = rotateImages(images, shape, degrees);
    const answers = {} as PerNetwork<Answer[]>;
    for (const name of NETWORKS) {
      const all = await predict(this.model(name), turned, shape);
      answers[name] = Array.from({ length: all.length / 10 }, (_, n) => {
        const own = all.subarray(10 * n, 10 * n + 10);
        const probability = Math.max(...own);
        return { digit: own.indexOf(probability), probability };
      });
    }
    return answers;
  }

  /** A network's weights as a safetensors file. */
  async save(name: NetworkName): Promise<Uint8Array<ArrayBuffer>> {
    const { size } = this.run.settings;
    const state = await stateDictOf(this.model(name));
    const about = { network: JSON.stringify(networkOf(name, size)), steps: String(this.steps[name]) };
    return writeSafetensors(state, about) as Uint8Array<ArrayBuffer>;
  }

  /**
   * Gives a network the weights of a file, and begins its training anew from them.
   * @throws GmrError for a file that is not one of weights, or of another network
   */
  async load(name: NetworkName, bytes: Uint8Array, file: string): Promise<RunState> {
    await this.pause();
    const model = this.model(name);
    try {
      loadStateDict(model, readWeights(bytes, file).tensors);
    } catch (error) {
      const other = codeOf(error) === "invalid-shape" || /do not fit model/.test(String(error));
      if (!other) throw error;
      const { size } = this.run.settings;
      throw new GmrError(
        "invalid-data",
        `${file} has the weights of another network than this one (${size}, ${model.countParams()} parameters): ` +
          `choose the size it was saved with, or the other network. (${(error as Error).message})`,
      );
    }
    this.steps[name] = 0;
    this.pace[name] = undefined;
    this.run.courses[name] = emptyCourse();
    const optimizer = new Optimizer(
      this.settings.optimizer,
      modelVariables(model, true),
      decayedWeights(model),
    );
    try {
      const position = { step: 0, seconds: 0, data: await fingerprint(this.digits.train), sinceBest: 0 };
      await saveWeights(this.storage, checkpointName(name), model, position, {
        optimizer,
        average: undefined,
      });
      await this.forget(name, 1);
    } finally {
      optimizer.dispose();
    }
    await this.score(name, false); // with the statistics of the file
    await this.keepRun();
    return this.state();
  }

  /** Deletes a network's checkpoints, from an age on. */
  private async forget(name: NetworkName, from = 0): Promise<void> {
    for (const file of await this.storage.list()) {
      const age = checkpointAge(file, name);
      if (age !== undefined && age >= from) await this.storage.remove(file);
    }
  }

  private async make(run: Run): Promise<void> {
    this.dispose();
    this.run = run;
    this.settings = this.settingsOf(run);
    this.steps = { gmr: 0, dense: 0 };
    this.pace = { gmr: undefined, dense: undefined };
    const { size } = run.settings;
    const make = (name: NetworkName): tf.LayersModel => {
      const { name: kind, options } = networkOf(name, size);
      return createModel(kind, options);
    };
    this.models = { gmr: make("gmr"), dense: make("dense") };
  }

  private settingsOf({ settings }: Run): TrainSettings {
    return trainSettings(this.digits.train.count, trainOptions(settings));
  }

  private model(name: NetworkName): tf.LayersModel {
    if (this.models) return this.models[name];
    throw new GmrError("internal", "the networks are not made: open the session first");
  }

  private async trainBoth(): Promise<void> {
    const stop = new AbortController();
    this.stop = stop;
    const turns = new Turns(NETWORKS, STEPS_PER_TURN);
    const work = NETWORKS.map(async (name) => {
      try {
        await this.trainOne(name, turns, stop.signal);
      } catch (error) {
        if (codeOf(error) === "interrupted") return;
        stop.abort(); // the other one
        throw error;
      } finally {
        turns.leave(name);
      }
    });
    const failed = (await Promise.allSettled(work)).find(({ status }) => status === "rejected");
    if (failed?.status === "rejected") throw failed.reason;
  }

  private async trainOne(name: NetworkName, turns: Turns, signal: AbortSignal): Promise<void> {
    await train({
      model: this.model(name),
      name,
      train: this.digits.train,
      settings: trainOptions(this.run.settings),
      storage: this.storage,
      signal,
      batches: (step) => this.batches(name, step, turns),
      onEvent: (event) => this.note(name, event),
    });
    // The final weights, with statistics over many training digits.
    const [last] = this.run.courses[name].scores.slice(-1);
    if (last?.step !== this.steps[name]) await this.score(name, false);
    await this.keepRun();
    this.tell();
  }

  /** The training's batches, when it is this network's turn, with readings of the held-out digits in between. */
  private async *batches(name: NetworkName, first: number, turns: Turns): AsyncGenerator<Batch> {
    const stream = batchStream(this.digits.train, this.settings);
    let step = first;
    for await (const batch of stream.from(
      Math.floor(step / stream.stepsPerEpoch),
      step % stream.stepsPerEpoch,
    )) {
      await turns.step(name);
      await breathe();
      const scored = this.run.courses[name].scores.some((entry) => entry.step === step);
      if (step % STEPS_PER_READING === 0 && !scored) await this.score(name);
      const started = performance.now();
      yield batch;
      step++;
      this.steps[name] = step;
      const milliseconds = performance.now() - started;
      this.pace[name] = (this.pace[name] ?? milliseconds) * 0.9 + milliseconds * 0.1;
      if (performance.now() - this.told > TELL_EVERY) this.tell();
    }
    turns.leave(name);
  }

  /** Reads the held-out digits at all angles. @param refresh estimate the statistics of normalisation first */
  private async score(name: NetworkName, refresh = true): Promise<void> {
    const model = this.model(name);
    const { train, heldOut } = this.digits;
    if (refresh)
      await refreshNorms(model, imagesOf(pickEvenly(train, Math.min(STATISTICS_FROM, train.count))));
    const angles: number[] = [];
    for (const degrees of ANGLES) {
      await breathe();
      let right = 0;
      for await (const { images, labels } of viewBatches(heldOut, {}, 256, { kind: "turn", degrees })) {
        const classes = tf.tidy(() => (model.apply(images) as tf.Tensor).argMax(-1));
        const read = await classes.data();
        right += labels.filter((label, n) => label === read[n]).length;
        tf.dispose([images, classes]);
      }
      angles.push(right / heldOut.count);
    }
    this.run.courses[name].scores.push({ step: this.steps[name], angles });
    this.tell();
  }

  private async note(name: NetworkName, event: TrainEvent): Promise<void> {
    if (event.type === "progress") {
      this.run.courses[name].loss.push({ step: event.step, loss: event.loss });
    }
    if (event.type === "start") this.steps[name] = event.step;
    if (event.type === "checkpoint") {
      this.steps[name] = event.step;
      await this.keepRun();
    }
    this.tell();
  }

  private keepRun(): Promise<void> {
    return this.storage.write(RUN_FILE, writeRun(this.run));
  }

  private tell(): void {
    this.told = performance.now();
    this.onChange(this.state());
  }
}

async function* imagesOf(set: Dataset): AsyncGenerator<tf.Tensor> {
  for await (const { images } of viewBatches(set, {}, 64)) yield images;
}
