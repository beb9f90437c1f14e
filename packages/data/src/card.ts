/** What a data set is, where it comes from, and under which terms. */
import type { Normalization } from "./augment/augment.ts";
import type { Dataset, DatasetTask, Splits } from "./dataset.ts";

/** What is known of a data set before its files are read. */
export interface DatasetCard {
  /** The name that configurations call it by. */
  name: string;
  title: string;
  description: string;
  task: DatasetTask | "classification or segmentation";
  /** Who made it, and where to get it. */
  source: string;
  licence: string;
  /** The files that its folder must hold, for people, a line each. */
  layout: readonly string[];
  /** What the numbers of an image mean. */
  input: string;
  /** Where the data set prescribes them. */
  classNames?: readonly string[] | undefined;
  /** How many images each part has, where that is fixed. */
  counts?: { train?: number; validation?: number; test?: number } | undefined;
  /** The standardisation that is usual for it. */
  normalization?: Normalization | undefined;
}

/** A data set whose files were read. */
export interface LoadedDataset extends Splits {
  card: DatasetCard;
  /** Files that could not be read and were left out. */
  damaged: DamagedFile[];
}

export interface DamagedFile {
  file: string;
  /** A line that names the file. */
  reason: string;
}

/** How a part of a data set is called. */
export type SplitName = "train" | "validation" | "test";

/** The parts that there are. */
export function partsOf(splits: Splits): [SplitName, Dataset][] {
  const { train, validation, test } = splits;
  return [
    ["train", train],
    ...(validation ? [["validation", validation] as [SplitName, Dataset]] : []),
    ["test", test],
  ];
}
