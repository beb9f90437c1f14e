/** What a data set is, where it comes from, and under which terms. */
import type { Normalization } from "./augment/augment.ts";
import type { Dataset, DatasetTask, Splits } from "./dataset.ts";

/** What is known about a data set before its files are read. */
export interface DatasetCard {
  /** Its name in configurations. */
  name: string;
  title: string;
  description: string;
  task: DatasetTask | "classification or segmentation";
  /** Who made it, and where to get it. */
  source: string;
  licence: string;
  /** The files it consists of, in words, a line each. */
  layout: readonly string[];
  /** What the numbers of an image mean. */
  input: string;
  /** If the data set prescribes them. */
  classNames?: readonly string[] | undefined;
  /** Number of images in each part, if fixed. */
  counts?: { train?: number; validation?: number; test?: number } | undefined;
  /** Its usual standardisation. */
  normalization?: Normalization | undefined;
}

/** A data set that was read. */
export interface LoadedDataset extends Splits {
  card: DatasetCard;
  /** Unreadable files that were left out. */
  damaged: DamagedFile[];
}

export interface DamagedFile {
  file: string;
  /** A line that names the file. */
  reason: string;
}

/** The name of a part of a data set. */
export type SplitName = "train" | "validation" | "test";

/** The parts of a data set that exist, by name. */
export function partsOf(splits: Splits): [SplitName, Dataset][] {
  const { train, validation, test } = splits;
  return [
    ["train", train],
    ...(validation ? [["validation", validation] as [SplitName, Dataset]] : []),
    ["test", test],
  ];
}
