// Reading a whole data set, to find what is wrong before training does.

import { reasonOf } from "@gmr-conv/core";
import { type LoadedDataset, partsOf } from "../card.ts";
import { type DatasetSpec, loadDataset } from "./registry.ts";

/** What was found. */
export interface Verification {
  loaded: LoadedDataset;
  /** A line for each thing that is wrong. */
  problems: string[];
  /** Per part: images, and how many of each class. */
  counts: { part: string; images: number; perClass: number[] }[];
}

const CHUNK = 32;

/**
 * Reads every example of a data set: counts, sizes, labels, finite numbers.
 * @param onProgress told how many of how many were read
 * @throws GmrError as {@link loadDataset}
 */
export async function verifyDataset(
  spec: DatasetSpec,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<Verification> {
  const loaded = await loadDataset(spec);
  const problems = loaded.damaged.map(({ reason }) => reason);
  const counts: Verification["counts"] = [];
  const parts = partsOf(loaded);
  const total = parts.reduce((sum, [, { count }]) => sum + count, 0);
  const { counts: expected } = loaded.card;
  // Where validation was cut from the training images, they count together.
  const sizes = Object.fromEntries(parts.map(([part, { count }]) => [part, count]));
  if (expected && expected.validation === undefined && sizes.validation !== undefined) {
    sizes.train += sizes.validation;
    delete sizes.validation;
  }
  for (const [part, count] of Object.entries(expected ?? {})) {
    if (sizes[part] !== count)
      problems.push(`${part}: ${sizes[part] ?? 0} images, ${loaded.card.title} has ${count}`);
  }
  let done = 0;
  for (const [part, dataset] of parts) {
    const perClass = dataset.classNames.map(() => 0);
    const size = dataset.shape.reduce((a, b) => a * b, 1);
    for (let first = 0; first < dataset.count; first += CHUNK) {
      const indices = Array.from({ length: Math.min(CHUNK, dataset.count - first) }, (_, i) => first + i);
      const results = await Promise.all(indices.map(async (index) => check(index)));
      problems.push(...results.flat());
      done += indices.length;
      onProgress(done, total);
    }
    counts.push({ part, images: dataset.count, perClass });

    async function check(index: number): Promise<string[]> {
      const where = dataset.source?.(index) ?? `${part}, image ${index}`;
      try {
        const { images, labels } = await dataset.read([index]);
        for (const label of new Set(labels)) {
          if (!(label >= 0 && label < perClass.length))
            return [`${where}: label ${label}, expected 0 to ${perClass.length - 1}`];
          perClass[label]++;
        }
        if (images.length !== size)
          return [`${where}: ${images.length} numbers, expected [${dataset.shape}]`];
        if (images instanceof Float32Array && !images.every(Number.isFinite))
          return [`${where}: holds numbers that are not finite`];
        return [];
      } catch (error) {
        return [reasonOf(error)];
      }
    }
  }
  return { loaded, problems, counts };
}
