// NCT-CRC-HE: tissue in histological images.

import path from "node:path";
import { z } from "zod";
import type { DatasetCard } from "../../card.ts";
import { classFiles } from "../classFiles.ts";
import {
  defineDataset,
  folder,
  IMAGENET_NORMALIZATION,
  parts,
  sameClasses,
  splitSeed,
  validationShare,
} from "../entry.ts";
import { completeOptions, imageFileDataset } from "../imageFiles.ts";

const TISSUES = ["ADI", "BACK", "DEB", "LYM", "MUC", "MUS", "NORM", "STR", "TUM"];

const card: DatasetCard = {
  name: "nct-crc",
  title: "NCT-CRC-HE-100K and CRC-VAL-HE-7K",
  description:
    "Nine kinds of tissue in histological images of colorectal cancer (fat, background, debris, lymphocytes, mucus, " +
    "muscle, normal mucosa, stroma, tumour), 224×224 pixels, RGB.",
  task: "classification",
  source: "J. N. Kather, N. Halama, A. Marx, https://zenodo.org/records/1214456",
  licence: "CC BY 4.0",
  layout: ["NCT-CRC-HE-100K/CLASS/*.tif (or NCT-CRC-HE-100K-NONORM) and CRC-VAL-HE-7K/CLASS/*.tif"],
  input: "0 for black to 1 for white, RGB",
  classNames: TISSUES,
  counts: { train: 100_000, test: 7180 },
  normalization: IMAGENET_NORMALIZATION,
};

export const nctDataset = defineDataset({
  card,
  options: z.strictObject({
    folder,
    training: z.string().default("NCT-CRC-HE-100K").describe("name of the folder of training images"),
    size: z.int().min(1).default(224).describe("side of the images in pixels"),
    validation: validationShare,
    seed: splitSeed,
  }),
  async load(given) {
    const [train, test] = await Promise.all(
      [given.training, "CRC-VAL-HE-7K"].map(async (name) => {
        const root = path.join(given.folder, name);
        const { files, classNames } = await classFiles(root);
        sameClasses(TISSUES, classNames, root);
        const settings = await completeOptions(
          { size: given.size, channels: 3, resize: "stretch" },
          files[0].file,
        );
        return imageFileDataset(name, files, TISSUES, settings);
      }),
    );
    return { card, damaged: [], ...parts({ train, test }, given) };
  },
});
