// What makes a data set usable by name: a card, its options in a configuration, and a loader.

import { GmrError } from "@gmr-conv/core";
import { z } from "zod";
import type { DatasetCard, LoadedDataset } from "../card.ts";
import type { Dataset } from "../dataset.ts";
import { splitDataset } from "../split.ts";

export interface DatasetEntry {
  readonly card: DatasetCard;
  /** The options besides the name. */
  readonly options: z.ZodObject;
  /** @throws GmrError `io`, `invalid-data`, `invalid-argument` */
  load(options: unknown): Promise<LoadedDataset>;
}

/** An entry of the registry; `load` gets validated options. */
export function defineDataset<Options extends z.ZodObject>(entry: {
  card: DatasetCard;
  options: Options;
  load: (options: z.output<Options>) => Promise<LoadedDataset>;
}): DatasetEntry {
  return { ...entry, load: async (options) => entry.load(entry.options.parse(options)) };
}

/** The standardisation that is usual for photographs. */
export const IMAGENET_NORMALIZATION = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

const side = z.int().min(1);

/** Options for reading images. */
export const imageOptions = {
  size: z
    .union([side, z.tuple([side, side])])
    .optional()
    .describe("side of the images in pixels, or [height, width]; default: the size of the first one"),
  channels: z
    .union([z.literal(1), z.literal(3)])
    .optional()
    .describe("1 for grey, 3 for RGB; default: as in the first image"),
  resize: z
    .enum(["crop", "stretch", "pad", "none"])
    .default("crop")
    .describe(
      "images of another size: scaled to cover the size and cropped around the centre, stretched, scaled to fit and " +
        "padded, or refused",
    ),
  background: z
    .tuple([z.int().min(0).max(255), z.int().min(0).max(255), z.int().min(0).max(255)])
    .default([0, 0, 0])
    .describe("red, green and blue behind transparent pixels and in the padding"),
  range: z
    .union([z.enum(["auto", "image", "type"]), z.tuple([z.number(), z.number()])])
    .default("auto")
    .describe(
      "values that become 0 and 1 in images deeper than 8 bits: their 1st and 99.8th percentiles, their extremes, " +
        "those of their type, or two numbers",
    ),
};

export const folder = z.string().min(1).describe("folder of the data set's files");

const share = z.number().gt(0).lt(1);

/** Parts taken from the training images if the data set lacks them. */
export const validationShare = share
  .default(0.1)
  .describe("share of the training images kept for validation, if the data set has no such part");
export const testShare = share
  .default(0.2)
  .describe("share of all images kept for the test, if the data set has no such part");
export const splitSeed = z
  .int()
  .min(0)
  .default(0)
  .describe("decides which images are kept for validation and test");
export const skipDamaged = z
  .boolean()
  .default(false)
  .describe("leave out images that cannot be read, and list them");
export const exclude = z
  .array(z.string())
  .optional()
  .describe("files to leave out, relative to the folder; --skip-damaged fills this in");
export const groupPattern = z
  .string()
  .optional()
  .describe(
    "regular expression on file names: images with the same match (of its first group) belong together, such as " +
      "those of a patient, and are never split",
  );

/** The parts of a data set; missing ones are taken from the training images. */
export function parts(
  given: { train: Dataset; validation?: Dataset | undefined; test?: Dataset | undefined },
  shares: { validation: number; test?: number; seed: number },
): { train: Dataset; validation: Dataset; test: Dataset } {
  let { train, validation, test } = given;
  const { seed } = shares;
  if (!test) {
    const share = shares.test ?? 0.2;
    ({ train, test } = splitDataset(train, { train: 1 - share, test: share }, { seed }));
  }
  if (!validation) {
    const { validation: share } = shares;
    ({ train, validation } = splitDataset(
      train,
      { train: 1 - share, validation: share },
      { seed: seed + 1 },
    ));
  }
  return { train, validation, test };
}

/** @throws GmrError `invalid-data` unless all parts have the same classes */
export function sameClasses(first: readonly string[], second: readonly string[], where: string): void {
  if (first.join("\0") === second.join("\0")) return;
  const strange = [...first.filter((c) => !second.includes(c)), ...second.filter((c) => !first.includes(c))];
  throw new GmrError(
    "invalid-data",
    `${where}: other classes than the training images; only in one of the two: ${strange.join(", ")}`,
  );
}
