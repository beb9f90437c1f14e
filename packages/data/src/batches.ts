/** Shuffled, augmented training batches that can be read from any position. */
import {
  checkKeys,
  checkNonNegativeInteger,
  checkPositiveInteger,
  GmrError,
  type KeysOf,
  oneOf,
  Random,
} from "@gmr-conv/core";
import type { Augment } from "./augment/augment.ts";
import { type Dataset, readFloats } from "./dataset.ts";
import type { SampleShape } from "./imageSet.ts";
import { deriveSeed } from "./seed.ts";

/** One step's worth of training data. */
export interface Batch {
  /** [count, ...sizes, C] flat; bytes are scaled to [0, 1]. */
  images: Float32Array;
  /** [count], or [count, ...sizes] for segmentation. */
  labels: Int32Array;
  /** Shares of the classes, [count, K], for mixed images; used instead of the labels. */
  shares?: Float32Array | undefined;
  /** [...sizes, C] of one image. */
  shape: SampleShape;
  /** Indices into the data set, [count]. */
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
  /** Any integer; decides order and augmentation. */
  seed: number;
  /**
   * The order of an epoch: every image once in a new random order (`"shuffle"`, default), the same number of draws with
   * all classes equally often (`"balanced"`), or the set's own order (`"none"`).
   */
  sampling?: "shuffle" | "balanced" | "none" | undefined;
  /**
   * Images left over at the end of an epoch: `"drop"` them (default; each epoch drops others) or `"keep"` a small
   * batch.
   */
  partial?: "drop" | "keep" | undefined;
  /** Applied to every batch. */
  augment?: Augment | undefined;
  /**
   * Of each batch, make only part `index` of `of` parts, for processes that share the batches: consecutive images, in
   * numbers that differ by at most one. Put together, the parts are the whole batch.
   */
  part?: BatchPart | undefined;
}

/** A part of every batch. */
export interface BatchPart {
  /** From 0. */
  index: number;
  of: number;
}

const KEYS: KeysOf<BatchStreamOptions> = {
  batchSize: true,
  epochs: true,
  seed: true,
  sampling: true,
  partial: true,
  augment: true,
  part: true,
};
const PART_KEYS: KeysOf<BatchPart> = { index: true, of: true };

/**
 * The batches of several epochs over a data set. Batch (epoch, step) depends only on the seed, epoch and step, so
 * `from(epoch, step)` continues an interrupted run exactly, without replaying earlier batches.
 */
export class BatchStream implements AsyncIterable<Batch> {
  readonly dataset: Dataset;
  readonly epochs: number;
  readonly batchSize: number;
  readonly stepsPerEpoch: number;
  /** Steps of all epochs. */
  readonly totalSteps: number;
  readonly #options: BatchStreamOptions;
  #order: { epoch: number; indices: Int32Array } | undefined;

  /**
   * @throws GmrError `invalid-argument` unless batch size and epochs are positive integers and the seed is a safe
   *   integer, or if the batch size exceeds the set's size and partial batches are dropped
   */
  constructor(dataset: Dataset, options: BatchStreamOptions) {
    const { seed, partial = "drop" } = checkKeys("the options of BatchStream", options, KEYS);
    this.batchSize = checkPositiveInteger("batchSize", options.batchSize);
    this.epochs = checkPositiveInteger("epochs", options.epochs);
    if (!Number.isSafeInteger(seed))
      throw new GmrError("invalid-argument", `seed ${seed}, expected an integer`);
    oneOf("sampling", options.sampling ?? "shuffle", ["shuffle", "balanced", "none"]);
    this.dataset = dataset;
    this.stepsPerEpoch = (partial === "keep" ? Math.ceil : Math.floor)(dataset.count / this.batchSize);
    this.totalSteps = this.stepsPerEpoch * this.epochs;
    this.#options = options;
    if (this.stepsPerEpoch === 0) {
      throw new GmrError(
        "invalid-argument",
        `batchSize ${this.batchSize}, expected at most ${dataset.count}, the size of ${dataset.name}`,
      );
    }
    if (options.part) checkPart(options.part, this.batchSize);
    if (options.sampling === "balanced" && !dataset.labels) {
      throw new GmrError("unsupported", 'sampling "balanced" needs one class per image, not masks');
    }
  }

  /** All batches, from the first. */
  [Symbol.asyncIterator](): AsyncGenerator<Batch, void, undefined> {
    return this.from(0, 0);
  }

  /**
   * The batches from (epoch, step) to the end; `step` may be `stepsPerEpoch`, the next epoch's first.
   *
   * @param stride take every `stride`-th batch, when several workers share the stream
   * @throws GmrError `invalid-argument` for a position outside the stream
   */
  async *from(epoch: number, step: number, stride = 1): AsyncGenerator<Batch, void, undefined> {
    const start = this.#position(epoch, step);
    for (let position = start; position < this.totalSteps; position += stride) {
      yield await this.#make(Math.floor(position / this.stepsPerEpoch), position % this.stepsPerEpoch);
    }
  }

  /**
   * The batch at (epoch, step).
   *
   * @throws GmrError `invalid-argument` for a position outside the stream
   */
  async batch(epoch: number, step: number): Promise<Batch> {
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

  async #make(epoch: number, step: number): Promise<Batch> {
    const { seed, augment, part = { index: 0, of: 1 } } = this.#options;
    const start = step * this.batchSize;
    const all = this.#orderOf(epoch).slice(start, start + this.batchSize);
    const [first, end] = [part.index, part.index + 1].map((i) => Math.ceil((i * all.length) / part.of));
    // Images that depend on each other are made together.
    const together = augment !== undefined && !augment.perImage;
    const indices = together ? all : all.subarray(first, end);
    const { shape, classNames } = this.dataset;
    const plain = await readFloats(this.dataset, indices);
    const random = new Random(deriveSeed(seed, epoch, step + 1));
    const at = together ? 0 : first;
    const examples = augment?.(plain, shape, random, classNames.length, at) ?? plain;
    const batch = {
      ...examples,
      shape: examples.shape ?? shape,
      indices,
      count: indices.length,
      epoch,
      step,
    };
    return together ? sliceOfBatch(batch, first, end) : batch;
  }

  /** The epoch's order of the whole set; the latest one is cached. */
  #orderOf(epoch: number): Int32Array {
    if (this.#order?.epoch !== epoch) {
      const { seed, sampling = "shuffle" } = this.#options;
      const { count } = this.dataset;
      const random = new Random(deriveSeed(seed, epoch, 0));
      const all = Int32Array.from({ length: count }, (_, index) => index);
      const indices =
        sampling === "none" ? all : sampling === "shuffle" ? random.shuffle(all) : this.#balanced(random);
      this.#order = { epoch, indices };
    }
    return this.#order.indices;
  }

  /** One draw per image, all classes equally often, the images of a class in turn. */
  #balanced(random: Random): Int32Array {
    const byClass = new Map<number, number[]>();
    const labels = this.dataset.labels as ArrayLike<number>;
    for (let i = 0; i < this.dataset.count; i++) {
      const own = byClass.get(labels[i]);
      if (own) own.push(i);
      else byClass.set(labels[i], [i]);
    }
    const queues = [...byClass.values()].map((own) => ({ own, at: own.length }));
    const indices = Int32Array.from({ length: this.dataset.count }, (_, i) => {
      const queue = queues[i % queues.length];
      if (queue.at === queue.own.length) {
        random.shuffle(queue.own);
        queue.at = 0;
      }
      return queue.own[queue.at++];
    });
    return random.shuffle(indices);
  }
}

/** The examples of a batch from `first` up to, without, `end`; arrays are views of the batch's. */
export function sliceOfBatch(batch: Batch, first: number, end: number): Batch {
  if (first === 0 && end === batch.count) return batch;
  const cut = <T extends Float32Array | Int32Array>(values: T): T => {
    const each = values.length / batch.count;
    return values.subarray(first * each, end * each) as T;
  };
  return {
    ...batch,
    images: cut(batch.images),
    labels: cut(batch.labels),
    ...(batch.shares && { shares: cut(batch.shares) }),
    indices: cut(batch.indices),
    count: end - first,
  };
}

/** @throws GmrError `invalid-argument` unless each of the parts has an image */
function checkPart(part: BatchPart, batchSize: number): void {
  const { index, of } = checkKeys("the part of a BatchStream", part, PART_KEYS);
  checkNonNegativeInteger("part.index", index);
  if (checkPositiveInteger("part.of", of) > batchSize) {
    throw new GmrError(
      "invalid-argument",
      `batchSize ${batchSize} for ${of} parts, expected at least one image for each`,
    );
  }
  if (index >= of) throw new GmrError("invalid-argument", `part.index ${index}, expected 0 to ${of - 1}`);
}

function outside(stream: BatchStream, epoch: number, step: number): GmrError {
  return new GmrError(
    "invalid-argument",
    `position (epoch ${epoch}, step ${step}), expected epochs from 0 to ${stream.epochs - 1} ` +
      `and steps from 0 to ${stream.stepsPerEpoch - 1}`,
  );
}
