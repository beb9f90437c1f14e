/** Labelled images and volumes, read on demand. */
import { checkKeys, GmrError, type KeysOf } from "@gmr-conv/core";
import { gatherLabels, type ImageSet, imageSize, images01, type SampleShape } from "./imageSet.ts";

/** What is to be predicted: the class of an image, or of each of its positions. */
export type DatasetTask = "classification" | "segmentation";

/** Some examples of a data set. */
export interface Examples {
  /** [N, ...sizes, C] flat; {@link readFloats} scales bytes to [0, 1]. */
  images: Uint8Array | Float32Array;
  /** [N], or [N, ...sizes] for segmentation: indices into `classNames`. */
  labels: Int32Array;
}

/** Examples as floats. */
export interface FloatExamples extends Examples {
  images: Float32Array;
  /** Shares of the classes [N, K], for mixed images; used instead of the labels. */
  shares?: Float32Array | undefined;
  /** [...sizes, C] of one image, if it differs from the data set's. */
  shape?: SampleShape | undefined;
}

/** Labelled images or volumes of one shape. */
export interface Dataset {
  readonly name: string;
  readonly task: DatasetTask;
  /** [...sizes, C] of one image. */
  readonly shape: SampleShape;
  readonly count: number;
  readonly classNames: readonly string[];
  /** [count] the class of each image; absent for segmentation. */
  readonly labels?: ArrayLike<number> | undefined;
  /** [count] images with the same number belong together (to a patient, say) and must not be split. */
  readonly groups?: ArrayLike<number> | undefined;
  /** Whether reading is so cheap that caching is pointless. */
  readonly inMemory?: boolean | undefined;
  /** Where an image comes from, in words. */
  source?(index: number): string;
  /** The examples at these indices, in this order. @throws GmrError `invalid-data`, `io` */
  read(indices: ArrayLike<number>): Promise<Examples> | Examples;
}

/** The parts of a data set that have different uses. */
export interface Splits {
  train: Dataset;
  /** For choosing settings. */
  validation?: Dataset | undefined;
  /** For the final evaluation. */
  test: Dataset;
}

interface DatasetOptions {
  /** Where an image comes from, in words. */
  source?: ((index: number) => string) | undefined;
}

const KEYS: KeysOf<DatasetOptions> = { source: true };

/** A data set in memory. */
export function datasetOf(set: ImageSet, options: DatasetOptions = {}): Dataset {
  checkKeys("the options of datasetOf", options, KEYS);
  const size = imageSize(set.shape);
  const masks = set.labels.length > set.count;
  return {
    name: set.name,
    task: masks ? "segmentation" : "classification",
    shape: set.shape,
    count: set.count,
    classNames: set.classNames,
    inMemory: true,
    ...(masks ? {} : { labels: set.labels }),
    ...(options.source ? { source: options.source } : {}),
    read(indices) {
      const images = new (set.images.constructor as Uint8ArrayConstructor)(indices.length * size);
      for (let n = 0; n < indices.length; n++) {
        images.set(set.images.subarray(indices[n] * size, (indices[n] + 1) * size) as Uint8Array, n * size);
      }
      return { images, labels: gatherLabels(set, indices) };
    },
  };
}

/** Examples as floats: bytes become `byte / 255`. */
export async function readFloats(dataset: Dataset, indices: ArrayLike<number>): Promise<FloatExamples> {
  const { images, labels } = await dataset.read(indices);
  return { images: images instanceof Uint8Array ? images01(images) : images, labels };
}

/**
 * Some of the examples of a data set.
 * @throws GmrError `invalid-argument` for an index that is not an integer in 0 … count − 1
 */
export function pick(dataset: Dataset, indices: ArrayLike<number>): Dataset {
  const chosen = Int32Array.from(indices);
  const wrong = chosen.find((index, n) => index !== indices[n] || index < 0 || index >= dataset.count);
  if (wrong !== undefined) {
    throw new GmrError(
      "invalid-argument",
      `index ${wrong}, expected integers from 0 to ${dataset.count - 1} (${dataset.name})`,
    );
  }
  const { labels, groups, source } = dataset;
  return {
    name: dataset.name,
    task: dataset.task,
    shape: dataset.shape,
    count: chosen.length,
    classNames: dataset.classNames,
    inMemory: dataset.inMemory,
    labels: labels && chosen.map((index) => labels[index]),
    groups: groups && chosen.map((index) => groups[index]),
    ...(source ? { source: (index: number) => source.call(dataset, chosen[index]) } : {}),
    read: (wanted) => dataset.read(Int32Array.from(wanted, (index) => chosen[index])),
  };
}

/**
 * `count` examples spread evenly over the whole set: always the same ones, from easy and hard regions alike.
 * @throws GmrError `invalid-argument` unless `count` is an integer in 1 … dataset.count
 */
export function pickEvenly(dataset: Dataset, count: number): Dataset {
  if (!Number.isInteger(count) || count < 1 || count > dataset.count) {
    throw new GmrError(
      "invalid-argument",
      `subset of ${count} images, expected 1 to ${dataset.count} (all of ${dataset.name})`,
    );
  }
  if (count === dataset.count) return dataset;
  return pick(
    dataset,
    Int32Array.from({ length: count }, (_, n) => Math.floor((n * dataset.count) / count)),
  );
}

/** Concatenates examples. */
export function joined(parts: readonly Examples[]): Examples {
  const size = parts.reduce((sum, { images }) => sum + images.length, 0);
  const bytes = parts.every(({ images }) => images instanceof Uint8Array);
  const images = bytes ? new Uint8Array(size) : new Float32Array(size);
  const labels = new Int32Array(parts.reduce((sum, part) => sum + part.labels.length, 0));
  let [at, label] = [0, 0];
  for (const part of parts) {
    images.set(bytes || !(part.images instanceof Uint8Array) ? part.images : images01(part.images), at);
    labels.set(part.labels, label);
    at += part.images.length;
    label += part.labels.length;
  }
  return { images, labels };
}
