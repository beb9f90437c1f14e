// The checkpoints of a training, through failures of its storage: a disk that is full, read-only or broken costs no
// more than the steps since the last checkpoint, and a file that could not be written is tried again.

import { GmrError, reasonOf } from "@gmr-conv/core";
import type * as tf from "@tensorflow/tfjs";
import {
  bestName,
  checkpointAge,
  checkpointName,
  isDamage,
  type Position,
  packWeights,
  readCheckpoint,
  readWeightsFile,
  type TrainingState,
  unpackWeights,
  type WeightsFile,
} from "./checkpoint.ts";
import type { TrainSettings } from "./settings.ts";
import type { Storage } from "./storage/storage.ts";

/** A stop does not wait longer than this for the last checkpoint: who asked for it may soon ask less politely. */
const STOP_SECONDS = 10;

/** Time between attempts to write the last checkpoint. */
const RETRY_MS = 1000;

export class Checkpoints {
  private readonly storage: Storage;
  private readonly network: string;
  private readonly settings: Pick<TrainSettings, "keepCheckpoints" | "retrySeconds">;
  private readonly warn: (text: string) => Promise<void>;
  /** The newest whole checkpoint: its file, its name in messages, its step. */
  private newest: { name: string; file: string; step: number } | undefined;
  /** Ages of files that are damaged or missing, and need not be kept. */
  private readonly gaps = new Set<number>();
  /** The best weights while they cannot be written. */
  private owed: Uint8Array | undefined;
  /** The problem of each file that could not be written, as it was last told. */
  private readonly told = new Map<string, string>();
  private pruned = false;

  /** @param warn called with what the user should know */
  constructor(
    storage: Storage,
    network: string,
    settings: Pick<TrainSettings, "keepCheckpoints" | "retrySeconds">,
    warn: (text: string) => Promise<void>,
  ) {
    this.storage = storage;
    this.network = network;
    this.settings = settings;
    this.warn = warn;
  }

  /**
   * What training continues from, or undefined if there is no checkpoint: the newest one that is whole. Its best
   * weights are those that can be read.
   * @throws GmrError as {@link readCheckpoint}
   */
  async restore(): Promise<WeightsFile | undefined> {
    const found = await readCheckpoint(this.storage, this.network);
    if (!found) return undefined;
    const { age, file, position, problems } = found;
    if (age > 0) {
      await this.warn(`${problems.join("; ")}: training goes on from ${file}, step ${position.step}`);
    }
    for (let gap = 0; gap < Math.min(age, this.settings.keepCheckpoints); gap++) this.gaps.add(gap);
    this.newest = { name: checkpointName(this.network, age), file, step: position.step };
    if (position.best) position.best = await this.bestOf(position.best);
    return found;
  }

  /** The best validation whose weights are there. */
  private async bestOf(best: NonNullable<Position["best"]>): Promise<Position["best"]> {
    const lost = `the weights of epoch ${best.epoch}, the best so far, are lost`;
    const name = bestName(this.network);
    try {
      const file = await readWeightsFile(this.storage, name);
      // It may be newer, and will be written again on the way there.
      if (file?.position.best && file.position.best.epoch >= best.epoch) return best;
      await this.warn(`${this.storage.describe(name)} is ${file ? "older" : "missing"}: ${lost}`);
      return file?.position.best;
    } catch (error) {
      if (!isDamage(error)) throw error;
      await this.warn(`${reasonOf(error)}: ${lost}`);
      return undefined;
    }
  }

  /**
   * Writes a checkpoint on the way. If that fails, training goes on, with a warning.
   * @returns its name in messages, or undefined if it could not be written
   */
  async save(model: tf.LayersModel, position: Position, state: TrainingState): Promise<string | undefined> {
    const { bytes } = await packWeights(model, position, state);
    const owed = await this.writeOwed();
    const problem = await this.write(bytes, position.step);
    for (const each of [owed, problem]) {
      if (each) await this.tell(each, `training goes on and tries again later; ${this.whatIsThere()}`);
    }
    return problem ? undefined : this.file;
  }

  /**
   * Writes the checkpoint that training ends with, and tries again for a while if that fails.
   * @param stopped the user waits for it
   * @param signal ends the attempts
   * @returns its name in messages
   * @throws GmrError `io` if it could not be written, naming the file, the reason and the checkpoint that is there
   */
  async saveLast(
    model: tf.LayersModel,
    position: Position,
    state: TrainingState,
    stopped: boolean,
    signal?: { readonly aborted: boolean },
  ): Promise<string> {
    const { bytes } = await packWeights(model, position, state);
    const { retrySeconds } = this.settings;
    const seconds = stopped ? Math.min(STOP_SECONDS, retrySeconds) : retrySeconds;
    const until = performance.now() + 1000 * seconds;
    let written = false;
    for (;;) {
      const owed = await this.writeOwed();
      const failed: Problem | undefined = written ? undefined : await this.write(bytes, position.step);
      written = failed === undefined;
      const problem = failed ?? owed;
      if (!problem) return this.file;
      const left = until - performance.now();
      if (left <= 0 || (!stopped && signal?.aborted)) {
        throw new GmrError(
          "io",
          `${reasonOf(problem.error)}; ${this.whatIsThere()}: training goes on from there once this is mended`,
          { cause: problem.error },
        );
      }
      await this.tell(problem, `trying again for ${seconds} seconds; ${this.whatIsThere()}`, "at the end");
      await new Promise((resolve) => setTimeout(resolve, Math.min(RETRY_MS, left)));
    }
  }

  /** Writes the best weights, or keeps them in memory until they can be written. */
  async saveBest(model: tf.LayersModel, position: Position): Promise<void> {
    this.owed = (await packWeights(model, position)).bytes;
    const problem = await this.writeOwed();
    if (problem) await this.tell(problem, "training goes on and tries again later");
  }

  /** Writes the weights of an epoch, if that is possible. */
  async saveEpoch(model: tf.LayersModel, position: Position, epochs: number): Promise<void> {
    const name = `${this.network}.epoch-${String(epochs).padStart(4, "0")}.safetensors`;
    const { bytes } = await packWeights(model, position);
    const problem = await this.attempt(name, bytes);
    if (problem) await this.warn(`${reasonOf(problem.error)}: the weights of epoch ${epochs} are not kept`);
  }

  /**
   * The weights that training ends with.
   * @param best those with the best validation, if they are there
   * @throws GmrError `invalid-data` if the last ones were damaged since they were written
   */
  async final(best: boolean): Promise<WeightsFile | undefined> {
    const name = bestName(this.network);
    if (best && this.owed) return unpackWeights(this.owed, this.storage.describe(name));
    try {
      const found = best ? await readWeightsFile(this.storage, name) : undefined;
      if (found) return found;
    } catch (error) {
      if (!isDamage(error)) throw error;
      await this.warn(`${reasonOf(error)}: training ends with the last weights in place of the best`);
    }
    return readWeightsFile(this.storage, this.newest?.name ?? checkpointName(this.network));
  }

  /** The newest checkpoint's name in messages. */
  private get file(): string {
    return this.storage.describe(checkpointName(this.network));
  }

  /** Writes a checkpoint. @returns what went wrong */
  private async write(bytes: Uint8Array, step: number): Promise<Problem | undefined> {
    const name = checkpointName(this.network);
    const gap = this.gaps.size > 0 ? Math.min(...this.gaps) : this.settings.keepCheckpoints - 1;
    // What is damaged is not worth the place of one that is whole, but it is not ours to delete.
    const older =
      gap === 0 && this.gaps.has(0)
        ? [`${this.network}.damaged.safetensors`]
        : Array.from({ length: gap }, (_, n) => checkpointName(this.network, n + 1));
    const problem = await this.attempt(name, bytes, older);
    if (problem) return problem;
    this.gaps.delete(gap);
    this.newest = { name, file: this.file, step };
    if (!this.pruned) await this.prune();
    return undefined;
  }

  private async writeOwed(): Promise<Problem | undefined> {
    if (!this.owed) return undefined;
    const problem = await this.attempt(bestName(this.network), this.owed);
    if (!problem) this.owed = undefined;
    return problem;
  }

  private async attempt(
    name: string,
    bytes: Uint8Array,
    older: readonly string[] = [],
  ): Promise<Problem | undefined> {
    try {
      await this.storage.write(name, bytes, older);
    } catch (error) {
      return { name, error };
    }
    if (this.told.delete(name)) await this.warn(`${this.storage.describe(name)} is written again`);
    return undefined;
  }

  /** Deletes checkpoints that an earlier training with more of them left. */
  private async prune(): Promise<void> {
    try {
      for (const name of await this.storage.list()) {
        const age = checkpointAge(name, this.network);
        if (age !== undefined && age >= this.settings.keepCheckpoints) await this.storage.remove(name);
      }
      this.pruned = true;
    } catch {} // They only take space.
  }

  /** Warns of a problem, unless it has been told and is still the same. @param when it occurs */
  private async tell({ name, error }: Problem, then: string, when = "on the way"): Promise<void> {
    const reason = reasonOf(error);
    const kind = `${when}: ${reason.replace(/\d[\d.]* [kM]B/g, "")}`; // The space that is left may change all the time.
    if (this.told.get(name) === kind) return;
    this.told.set(name, kind);
    await this.warn(`${reason}: ${then}`);
  }

  private whatIsThere(): string {
    if (!this.newest) return "there is no checkpoint yet";
    return `the checkpoint of step ${this.newest.step}, ${this.newest.file}, is there`;
  }
}

/** A file that could not be written. */
interface Problem {
  name: string;
  error: unknown;
}
