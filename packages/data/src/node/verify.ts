// Reading a whole data set, to find problems before training does.

import { reasonOf } from "@gmr-conv/core";
import { type LoadedDataset, partsOf } from "../card.ts";
import type { Dataset } from "../dataset.ts";
import { imageSize } from "../imageSet.ts";
import { type DatasetSpec, loadDataset } from "./registry.ts";

export interface Verification {
  loaded: LoadedDataset;
  /** A line for each problem. */
  problems: string[];
  /** For each part: images, and how many of each class. */
  counts: { part: string; images: number; perClass: number[] }[];
}

/** Examples read at a time. */
const CHUNK = 32;

/**
 * Reads every example of a data set and checks counts, sizes, labels and that numbers are finite.
 * @param onProgress called with the number of examples read, of how many
 * @throws GmrError as {@link loadDataset}
 */
export async function verifyDataset(
  spec: DatasetSpec,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<Verification> {
  const loaded = await loadDataset(spec);
  const problems = [...loaded.damaged.map(({ reason }) => reason), ...unexpectedCounts(loaded)];
  const counts: Verification["counts"] = [];
  const parts = partsOf(loaded);
  const total = parts.reduce((sum, [, { count }]) => sum + count, 0);
  let done = 0;
  for (const [part, dataset] of parts) {
    const perClass = dataset.classNames.map(() => 0);
    for (let first = 0; first < dataset.count; first += CHUNK) {
      const indices = Array.from({ length: Math.min(CHUNK, dataset.count - first) }, (_, i) => first + i);
      const found = await Promise.all(indices.map((index) => check(dataset, part, index, perClass)));
      problems.push(...found.filter((problem) => problem !== undefined));
      done += indices.length;
      onProgress(done, total);
    }
    counts.push({ part, images: dataset.count, perClass });
  }
  return { loaded, problems, counts };
}

/** Parts whose number of images is not the one on the card. */
function unexpectedCounts(loaded: LoadedDataset): string[] {
  const { counts: expected = {}, title } = loaded.card;
  const sizes = Object.fromEntries(partsOf(loaded).map(([part, { count }]) => [part, count]));
  // Validation images that were taken from the training images count with them.
  if (expected.validation === undefined) sizes.train += sizes.validation ?? 0;
  return Object.entries(expected).flatMap(([part, count]) =>
    sizes[part] === count ? [] : [`${part}: ${sizes[part] ?? 0} images, ${title} has ${count}`],
  );
}

/** Checks an example and counts its classes. @returns what is wrong */
async function check(
  dataset: Dataset,
  part: string,
  index: number,
  perClass: number[],
): Promise<string | undefined> {
  const where = dataset.source?.(index) ?? `${part}, image ${index}`;
  try {
    const { images, labels } = await dataset.read([index]);
    for (const label of new Set(labels)) {
      if (!(label >= 0 && label < perClass.length))
        return `${where}: label ${label}, expected 0 to ${perClass.length - 1}`;
      perClass[label]++;
    }
    if (images.length !== imageSize(dataset.shape))
      return `${where}: ${images.length} numbers, expected [${dataset.shape}]`;
    if (images instanceof Float32Array && !images.every(Number.isFinite))
      return `${where}: numbers that are not finite`;
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}
