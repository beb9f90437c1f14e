// The data set of docs/contributing/data-set.md.

import path from "node:path";
import { GmrError } from "@gmr-conv/core";
import { type DatasetCard, datasetOf, readNpy } from "@gmr-conv/data";
import { defineDataset } from "@gmr-conv/data/node";
import { z } from "zod";
import {
  folder,
  parts,
  splitSeed,
  testShare,
  validationShare,
} from "../../../packages/data/src/node/entry.ts";
import { readRequired } from "../../../packages/data/src/node/files.ts";

const card: DatasetCard = {
  name: "npy-pair",
  title: "Two NumPy arrays",
  description: "Your own images and their classes, as NumPy saves them.",
  task: "classification",
  source: "your own",
  licence: "your own",
  layout: ["images.npy [N, H, W, C] of bytes and labels.npy [N] of bytes"],
  input: "0 for black to 1 for white",
};

const options = z.strictObject({
  folder,
  classNames: z.array(z.string()).min(2).describe("names of the classes 0, 1, …"),
  validation: validationShare,
  test: testShare,
  seed: splitSeed,
});

export const npyPairDataset = defineDataset({
  card,
  options,
  async load(given) {
    const { classNames } = given;
    const images = await readBytes(path.join(given.folder, "images.npy"), 4);
    const labels = await readBytes(path.join(given.folder, "labels.npy"), 1);
    const [count, ...shape] = images.shape;
    const wrong = labels.data.find((label) => label >= classNames.length);
    if (wrong !== undefined || labels.data.length !== count) {
      throw new GmrError(
        "invalid-data",
        `${given.folder}: ${wrong === undefined ? `${labels.data.length} labels` : `label ${wrong}`}, ` +
          `expected one below ${classNames.length} for each of ${count} images`,
      );
    }
    const all = datasetOf({
      name: card.title,
      images: images.data,
      labels: labels.data,
      shape,
      count,
      classNames,
    });
    return { card: { ...card, classNames }, damaged: [], ...parts({ train: all }, given) };
  },
});

/** An array of bytes with so many axes. @throws GmrError `io`, `invalid-data`, naming the file */
async function readBytes(file: string, axes: number): Promise<{ shape: number[]; data: Uint8Array }> {
  const { shape, data } = readNpy(await readRequired(file, "an array as NumPy saves it"), file);
  if (data instanceof Uint8Array && shape.length === axes) return { shape, data };
  throw new GmrError(
    "invalid-data",
    `${file}: ${data.constructor.name} [${shape}], expected bytes with ${axes} axes`,
  );
}
