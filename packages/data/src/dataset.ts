/** Labelled images and volumes that are read when they are asked for. */
import { describeValue, GmrError, Random } from "@gmr-conv/core";
import { gatherLabels, type ImageSet, type ImageShape, imageSize, images01 } from "./imageSet.ts";
import { deriveSeed } from "./seed.ts";

/** What a data set asks for: the class of an image, or of each of its positions. */
export type DatasetTask = "classification" | "segmentation";

/** Some examples of a data set. */
export interface Examples {
  /** [N, ...sizes, C] flat; bytes come as numbers in [0, 1] from {@link readFloats}. */
  images: Uint8Array | Float32Array;
  /** [N], or [N, ...sizes] for segmentation: indices into `classNames`. */
  labels: Int32Array;
}

/** Examples as floats. */
export interface FloatExamples extends Examples {
  images: Float32Array;
  /** Shares of the classes [N, K], where images are mixed; they count instead of the labels. */
  shares?: Float32Array | undefined;
  /** [...sizes, C] of one image, where that is not the data set's. */
  shape?: ImageShape | undefined;
}

/** Labelled images or volumes of one shape. */
export interface Dataset {
  readonly name: string;
  readonly task: DatasetTask;
  /** [...sizes, C] of one image. */
  readonly shape: ImageShape;
  readonly count: number;
  readonly classNames: readonly string[];
  /** [count] the class of each image; absent for segmentation. */
  readonly labels?: ArrayLike<number> | undefined;
  /** [count] images with the same number belong together (a patient's), and must not be split. */
  readonly groups?: ArrayLike<number> | undefined;
  /** Whether reading costs nothing worth keeping. */
  readonly inMemory?: boolean | undefined;
  /** Where an image comes from, for people. */
  source?(index: number): string;
  /** The examples at these indices, in this order. @throws GmrError `invalid-data`, `io` */
  read(indices: ArrayLike<number>): Promise<Examples> | Examples;
}

/** The parts of a data set that have different uses. */
export interface Splits {
  train: Dataset;
  /** To choose settings by; cut from `train` where there is none. */
  validation?: Dataset | undefined;
  /** To judge with, once. */
  test: Dataset;
}

/** A data set in memory. */
export function datasetOf(set: ImageSet, options: { source?: (index: number) => string } = {}): Dataset {
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
 * `count` examples spread evenly over the whole set: always the same ones, and from easy and hard stretches alike.
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

export interface SplitOptions {
  /** Any integer of at least 0; decides who goes where. Default 0. */
  seed?: number | undefined;
  /** Keep the shares of the classes, as far as groups allow. Default true for classification. */
  stratified?: boolean | undefined;
}

/**
 * Splits a data set by shares such as `{ train: 0.8, validation: 0.1, test: 0.1 }`, which add up to at most 1. Examples of a group
 * stay together.
 *
 * @throws GmrError `invalid-argument` for shares that are not positive or add up to more than 1, or for fewer examples or groups than parts
 */
export function splitDataset<Name extends string>(
  dataset: Dataset,
  shares: Readonly<Record<Name, number>>,
  { seed = 0, stratified = true }: SplitOptions = {},
): Record<Name, Dataset> {
  const names = Object.keys(shares) as Name[];
  const wanted = names.map((name) => shares[name]);
  const total = wanted.reduce((a, b) => a + b, 0);
  if (names.length === 0 || !wanted.every((share) => share > 0) || total > 1 + 1e-9) {
    throw new GmrError(
      "invalid-argument",
      `shares must be positive and add up to at most 1, got ${describeValue(wanted)}`,
    );
  }
  const parts = wanted.map((): number[][] => []);
  // What goes nowhere is a part as well. What a class lacks of its share, since examples are whole, the next ones make up for.
  const rest = Math.max(0, 1 - total);
  const lacks = [...wanted, rest].map(() => 0);
  for (const { key, units } of strata(dataset, stratified)) {
    const size = units.reduce((sum, unit) => sum + unit.length, 0);
    [...wanted, rest].forEach((share, part) => {
      lacks[part] += share * size;
    });
    for (const unit of new Random(deriveSeed(seed, key)).shuffle([...units])) {
      const part = lacks.indexOf(Math.max(...lacks));
      parts[part]?.push(unit);
      lacks[part] -= unit.length;
    }
  }
  // However small a set: no part is empty.
  for (const part of parts) {
    if (part.length > 0) continue;
    const largest = parts.reduce((a, b) => (b.length > a.length ? b : a));
    if (largest.length < 2) {
      throw new GmrError(
        "invalid-argument",
        `${dataset.name} has too few images or groups to split it into ${names.join(", ")}, got ${dataset.count} images`,
      );
    }
    part.push(...largest.splice(-1));
  }
  return Object.fromEntries(
    names.map((name, i) => {
      const chosen = pick(
        dataset,
        parts[i].flat().sort((a, b) => a - b),
      );
      const called = dataset.name.endsWith(` ${name}`)
        ? dataset.name
        : `${dataset.name.replace(/ (train|images)$/, "")} ${name}`;
      return [name, { ...chosen, name: called }];
    }),
  ) as Record<Name, Dataset>;
}

/** What is split by itself: the groups, or single examples, of each class. */
function strata(dataset: Dataset, stratified: boolean): { key: number; units: number[][] }[] {
  const { count, labels, groups } = dataset;
  const units = new Map<number, number[]>();
  for (let i = 0; i < count; i++) {
    const group = groups ? groups[i] : i;
    const unit = units.get(group);
    if (unit) unit.push(i);
    else units.set(group, [i]);
  }
  if (!stratified || !labels) return [{ key: -1, units: [...units.values()] }];
  const byClass = new Map<number, number[][]>();
  for (const unit of units.values()) {
    const label = mostFrequent(unit.map((i) => labels[i]));
    const own = byClass.get(label);
    if (own) own.push(unit);
    else byClass.set(label, [unit]);
  }
  return [...byClass].sort(([a], [b]) => a - b).map(([key, own]) => ({ key, units: own }));
}

function mostFrequent(values: number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([a, m], [b, n]) => n - m || a - b)[0][0];
}

/**
 * The data set with what was read kept in memory, as bytes where it comes as bytes, until `maxBytes` are full; the first that come
 * stay, since an epoch asks for everything once.
 */
export function cached(dataset: Dataset, maxBytes: number): Dataset {
  if (dataset.inMemory) return dataset;
  const kept = new Map<number, Examples>();
  let bytes = 0;
  return {
    ...dataset,
    ...(dataset.source ? { source: (index: number) => dataset.source?.(index) ?? "" } : {}),
    async read(indices) {
      const missing = [...new Set(Array.from(indices))].filter((index) => !kept.has(index));
      const fresh = new Map<number, Examples>();
      if (missing.length > 0) {
        const read = await dataset.read(missing);
        const image = read.images.length / missing.length;
        const label = read.labels.length / missing.length;
        missing.forEach((index, n) => {
          const one = {
            images: read.images.slice(n * image, (n + 1) * image),
            labels: read.labels.slice(n * label, (n + 1) * label),
          };
          fresh.set(index, one);
          if (bytes + one.images.byteLength + one.labels.byteLength > maxBytes) return;
          bytes += one.images.byteLength + one.labels.byteLength;
          kept.set(index, one);
        });
      }
      return joined(Array.from(indices, (index) => kept.get(index) ?? (fresh.get(index) as Examples)));
    },
  };
}

/** Examples one after the other. */
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
