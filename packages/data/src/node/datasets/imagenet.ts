// ImageNet-1k: class folders, or validation images with a table of their classes.

import path from "node:path";
import { GmrError } from "@gmr-conv/core";
import Papa from "papaparse";
import { z } from "zod";
import type { DatasetCard } from "../../card.ts";
import { classFiles } from "../classFiles.ts";
import {
  defineDataset,
  folder,
  IMAGENET_NORMALIZATION,
  imageOptions,
  parts,
  sameClasses,
  splitSeed,
  validationShare,
} from "../entry.ts";
import { listFolder, readIfPresent } from "../files.ts";
import { completeOptions, imageFileDataset } from "../imageFiles.ts";
import { isImageFile } from "../imageInfo.ts";

const card: DatasetCard = {
  name: "imagenet",
  title: "ImageNet-1k",
  description: "Photographs of a thousand classes of objects, RGB.",
  task: "classification",
  source: "O. Russakovsky et al., IJCV 115 (2015) 211; https://www.image-net.org",
  licence: "for research only, by agreement with its authors",
  layout: [
    "train/nXXXXXXXX/*.JPEG and val/nXXXXXXXX/*.JPEG; or val/*.JPEG with LOC_val_solution.csv",
    "With LOC_synset_mapping.txt (lines: nXXXXXXXX names), classes get their names.",
  ],
  input: "0 for black to 1 for white, RGB",
  counts: { train: 1_281_167, test: 50_000 },
  normalization: IMAGENET_NORMALIZATION,
};

export const imagenetDataset = defineDataset({
  card,
  options: z.strictObject({
    folder,
    size: z.int().min(1).default(224).describe("side of the images in pixels"),
    resize: imageOptions.resize,
    validation: validationShare.default(0.01),
    seed: splitSeed,
  }),
  async load(given) {
    const { files, classNames: synsets } = await classFiles(path.join(given.folder, "train"));
    const names = await synsetNames(given.folder);
    const classNames = synsets.map((synset) => names.get(synset) ?? synset);
    const settings = await completeOptions({ ...given, channels: 3 }, files[0].file);
    const train = imageFileDataset("ImageNet train", files, classNames, settings);
    const test = imageFileDataset(
      "ImageNet test",
      await imagenetValidation(given.folder, synsets),
      classNames,
      settings,
    );
    return { card: { ...card, classNames }, damaged: [], ...parts({ train, test }, given) };
  },
});

async function synsetNames(root: string): Promise<Map<string, string>> {
  const bytes = await readIfPresent(path.join(root, "LOC_synset_mapping.txt"));
  const lines = bytes ? new TextDecoder().decode(bytes).split("\n") : [];
  return new Map(
    lines.flatMap((line): [string, string][] => {
      const [synset, ...names] = line.trim().split(" ");
      return synset ? [[synset, names.join(" ").split(",")[0]]] : [];
    }),
  );
}

/** The official validation images, which are our test images: in class folders, or with a table. */
async function imagenetValidation(
  root: string,
  synsets: string[],
): Promise<{ file: string; label: number }[]> {
  const at = path.join(root, "val");
  const { folders, files } = await listFolder(at);
  if (folders.length > 1) {
    const found = await classFiles(at);
    sameClasses(synsets, found.classNames, at);
    return found.files;
  }
  const table = path.join(root, "LOC_val_solution.csv");
  const bytes = await readIfPresent(table);
  if (!bytes) {
    throw new GmrError(
      "io",
      `${at}: expected a folder for each class, or ${table} with the class of each image`,
    );
  }
  const { data } = Papa.parse<Record<string, string>>(new TextDecoder().decode(bytes), {
    header: true,
    skipEmptyLines: true,
  });
  const labels = new Map(
    data.map((row) => [row.ImageId, synsets.indexOf((row.PredictionString ?? "").split(" ")[0])]),
  );
  return files.filter(isImageFile).map((name) => {
    const label = labels.get(path.parse(name).name) ?? -1;
    if (label < 0) throw new GmrError("invalid-data", `${table}: no known class for ${name}`);
    return { file: path.join(at, name), label };
  });
}
