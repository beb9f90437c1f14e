// Data sets that are folders of class folders, with a layout of their own: MTARSI, NCT-CRC-HE, ImageNet.

import path from "node:path";
import { GmrError } from "@gmr-conv/core";
import Papa from "papaparse";
import { z } from "zod";
import type { DatasetCard } from "../../card.ts";
import { isImageFile } from "../decode.ts";
import {
  defineDataset,
  folder,
  imageOptions,
  parts,
  sameClasses,
  splitSeed,
  testShare,
  validationShare,
} from "../entry.ts";
import { listFolder, readIfPresent } from "../files.ts";
import { completeOptions, imageFileDataset } from "../imageFiles.ts";
import { classFiles } from "./folder.ts";

const IMAGENET_NORMALIZATION = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

const AIRCRAFT = [
  ..."A-10 A-26 B-1 B-2 B-29 B-52 Boeing C-130 C-135 C-17 C-21 C-5 E-3 F-16 F-22 KC-10 P-63 T-43 T-6 U-2".split(
    " ",
  ),
];

const mtarsiCard: DatasetCard = {
  name: "mtarsi",
  title: "MTARSI, types of aircraft",
  description: "Aircraft of twenty types in remote sensing images, scaled to 64×64 pixels, RGB.",
  task: "classification",
  source:
    "Z.-Z. Wu et al., Remote Sensing Letters 11 (2020) 121; https://www.kaggle.com/datasets/aqibriaz/mtarsidataset",
  licence: "CC BY 4.0",
  layout: ["TYPE/*.jpg, a folder for each of the twenty types"],
  input: "0 for black to 1 for white, RGB",
  normalization: { mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.201] },
};

export const mtarsiDataset = defineDataset({
  card: mtarsiCard,
  options: z.strictObject({
    folder,
    size: z.int().min(1).default(64).describe("side of the images in pixels"),
    validation: validationShare,
    test: testShare,
    seed: splitSeed,
  }),
  async load(given) {
    const { files, classNames } = await classFiles(given.folder);
    if (classNames.length !== AIRCRAFT.length) {
      throw new GmrError(
        "invalid-data",
        `${given.folder} holds ${classNames.length} classes, expected the twenty types ${AIRCRAFT.join(", ")}`,
      );
    }
    const settings = await completeOptions(
      { size: given.size, channels: 3, resize: "stretch" },
      files[0].file,
    );
    const all = imageFileDataset("MTARSI", files, classNames, settings);
    return { card: { ...mtarsiCard, classNames }, damaged: [], ...parts({ train: all }, given) };
  },
});

const TISSUES = ["ADI", "BACK", "DEB", "LYM", "MUC", "MUS", "NORM", "STR", "TUM"];

const nctCard: DatasetCard = {
  name: "nct-crc",
  title: "NCT-CRC-HE-100K and CRC-VAL-HE-7K",
  description:
    "Nine kinds of tissue in histological images of colorectal cancer (fat, background, debris, lymphocytes, mucus, muscle, normal mucosa, stroma, tumour), 224×224 pixels, RGB.",
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
  card: nctCard,
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
    return { card: nctCard, damaged: [], ...parts({ train, test }, given) };
  },
});

const imagenetCard: DatasetCard = {
  name: "imagenet",
  title: "ImageNet-1k",
  description: "Photographs of a thousand kinds of things, RGB.",
  task: "classification",
  source: "O. Russakovsky et al., IJCV 115 (2015) 211; https://www.image-net.org",
  licence: "for research only, by agreement with its authors",
  layout: [
    "train/nXXXXXXXX/*.JPEG and val/nXXXXXXXX/*.JPEG; or val/*.JPEG with LOC_val_solution.csv (ImageId, PredictionString)",
    "If there is LOC_synset_mapping.txt (lines: nXXXXXXXX names), classes are called by their names.",
  ],
  input: "0 for black to 1 for white, RGB",
  counts: { train: 1_281_167, test: 50_000 },
  normalization: IMAGENET_NORMALIZATION,
};

export const imagenetDataset = defineDataset({
  card: imagenetCard,
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
    return { card: { ...imagenetCard, classNames }, damaged: [], ...parts({ train, test }, given) };
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

/** The official validation images, which are the test here: by class folders, or by a table. */
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
