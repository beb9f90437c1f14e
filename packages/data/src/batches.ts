/** Shuffled, augmented training batches that can be entered at any point. */
import { GmrError, Random } from "@gmr-conv/core";
import type { Augment } from "./augment.ts";
import { gatherImages, gatherLabels, type ImageSet } from "./imageSet.ts";
import { deriveSeed } from "./seed.ts";

/** One step's worth of training data. */
export interface Batch {
  /** [count, H, W, C] flat; byte images come as [0, 1]. */
  images: Float32Array;
  /** [count] */
  labels: Int32Array;
  /** Which images of the set these are, [count]. */
  indices: Int32Array;
  count: number;
  /** From 0. */
  epoch: number;
  /** Position within the epoch, from 0. */
  step: number;
}

/** Settings of a {@link BatchStream}. */
export interface BatchStreamOptions {
  batchSize: number;
  /** Passes over the set. */
  epochs: number;
  /** Any integer; it decides order and augmentation. */
  seed: number;
  /** A new random order in each epoch (default), or the set's own order. */
  shuffle?: boolean;
  /** Images left over at the end of an epoch: "drop" them (default; a new order drops others), or "keep" a small batch. */
  partial?: "drop" | "keep";
  /** Applied to every batch. */
  augment?: Augment;
}

/**
 * The batches of several epochs over an image set. Batch (epoch, step) depends on the seed, epoch and step alone, so
 * `from(epoch, step)` continues an interrupted run exactly, without replaying what came before.
 */
export class BatchStream implements Iterable<Batch> {
  readonly set: ImageSet;
  readonly epochs: number;
  readonly batchSize: number;
  readonly stepsPerEpoch: number;
  /** Steps of all epochs. */
  readonly totalSteps: number;
  readonly #seed: number;
  readonly #shuffle: boolean;
  readonly #augment: Augment | undefined;
  #order: { epoch: number; indices: Int32Array } | undefined;

  /**
   * @throws GmrError `invalid-argument` for a batch size or number of epochs that is no positive integer, a seed that
   *   is no safe integer, or a batch size over the set's size where partial batches are dropped.
   */
  constructor(set: ImageSet, options: BatchStreamOptions) {
    const { batchSize, epochs, seed, shuffle = true, partial = "drop", augment } = options;
    checkPositive("batchSize", batchSize);
    checkPositive("epochs", epochs);
    if (!Number.isSafeInteger(seed))
      throw new GmrError("invalid-argument", `seed ${seed}, expected an integer`);
    this.set = set;
    this.epochs = epochs;
    this.batchSize = batchSize;
    this.stepsPerEpoch = (partial === "keep" ? Math.ceil : Math.floor)(set.count / batchSize);
    this.totalSteps = this.stepsPerEpoch * epochs;
    this.#seed = seed;
    this.#shuffle = shuffle;
    this.#augment = augment;
    if (this.stepsPerEpoch === 0) {
      throw new GmrError(
        "invalid-argument",
        `batchSize ${batchSize}, expected at most ${set.count}, the size of ${set.name}`,
      );
    }
  }

  /** All batches, from the first. */
  [Symbol.iterator](): Generator<Batch, void, undefined> {
    return this.from(0, 0);
  }

  /**
   * The batches from (epoch, step) to the end; `step` may be `stepsPerEpoch`, meaning the next epoch's first.
   *
   * @throws GmrError `invalid-argument` for a position outside the stream.
   */
  *from(epoch: number, step: number): Generator<Batch, void, undefined> {
    const start = this.#position(epoch, step);
    for (let position = start; position < this.totalSteps; position++) {
      yield this.#make(Math.floor(position / this.stepsPerEpoch), position % this.stepsPerEpoch);
    }
  }

  /**
   * The batch at (epoch, step).
   *
   * @throws GmrError `invalid-argument` for a position outside the stream.
   */
  batch(epoch: number, step: number): Batch {
    if (this.#position(epoch, step) === this.totalSteps || step === this.stepsPerEpoch) {
      throw outside(this, epoch, step);
    }
    return this.#make(epoch, step);
  }

  #position(epoch: number, step: number): number {
    const position = epoch * this.stepsPerEpoch + step;
    const inside = epoch >= 0 && step >= 0 && step <= this.stepsPerEpoch && position <= this.totalSteps;
    if (!Number.isInteger(epoch) || !Number.isInteger(step) || !inside) throw outside(this, epoch, step);
    return position;
  }

  #make(epoch: number, step: number): Batch {
    const start = step * this.batchSize;
    const indices = this.#orderOf(epoch).slice(start, start + this.batchSize);
    const plain = gatherImages(this.set, indices);
    const random = new Random(deriveSeed(this.#seed, epoch, step + 1));
    const images = this.#augment?.(plain, this.set.shape, random) ?? plain;
    return { images, labels: gatherLabels(this.set, indices), indices, count: indices.length, epoch, step };
  }

  /** The epoch's order of the whole set; the last one is kept. */
  #orderOf(epoch: number): Int32Array {
    if (this.#order?.epoch !== epoch) {
      const indices = Int32Array.from({ length: this.set.count }, (_, index) => index);
      if (this.#shuffle) new Random(deriveSeed(this.#seed, epoch, 0)).shuffle(indices);
      this.#order = { epoch, indices };
    }
    return this.#order.indices;
  }
}

function checkPositive(name: string, value: number): void {
  if (!Number.isInteger(value) || value < 1) {
    throw new GmrError("invalid-argument", `${name} ${value}, expected a positive integer`);
  }
}

function outside(stream: BatchStream, epoch: number, step: number): GmrError {
  return new GmrError(
    "invalid-argument",
    `position (epoch ${epoch}, step ${step}), expected epochs from 0 to ${stream.epochs - 1} ` +
      `and steps from 0 to ${stream.stepsPerEpoch - 1}`,
  );
}
