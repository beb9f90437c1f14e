// NWPU VHR-10: objects in aerial images, cropped to their boxes.

import path from "node:path";
import { GmrError, Random } from "@gmr-conv/core";
import { z } from "zod";
import type { DatasetCard } from "../../card.ts";
import { type Dataset, datasetOf, joined, pick } from "../../dataset.ts";
import { deriveSeed } from "../../seed.ts";
import { decodeRegion } from "../decode.ts";
import { defineDataset, folder, parts, splitSeed, validationShare } from "../entry.ts";
import { listFolder, readRequired } from "../files.ts";
import { completeOptions, imageFileDataset, type LabelledFile } from "../imageFiles.ts";

const CLASSES = [
  "airplane",
  "ship",
  "storage tank",
  "baseball diamond",
  "tennis court",
  "basketball court",
  "ground track field",
  "harbor",
  "bridge",
  "vehicle",
];

const card: DatasetCard = {
  name: "nwpu-vhr10",
  title: "NWPU VHR-10, objects",
  description:
    "Ten classes of objects in very high resolution aerial images, cropped to their boxes, " +
    "scaled to 64×64 pixels, RGB.",
  task: "classification",
  source:
    "G. Cheng, J. Han, P. Zhou, L. Guo, Northwestern Polytechnical University, ISPRS J. 98 (2014) 119; " +
    "https://github.com/chaozhong2010/VHR-10_dataset_coco",
  licence: "for research only",
  layout: [
    "positive image set/NNN.jpg and ground truth/NNN.txt (lines (x1,y1),(x2,y2),class, classes from 1 to 10), " +
      "also with underscores instead of spaces; or",
    "instance_image_set/*_CLASS.png, the objects as cropped by the official package",
  ],
  input: "0 for black to 1 for white, RGB",
  classNames: CLASSES,
  normalization: { mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.201] },
};

const options = z.strictObject({
  folder,
  size: z.int().min(1).default(64).describe("side of the cropped objects in pixels"),
  trainPerClass: z
    .int()
    .min(1)
    .default(100)
    .describe("training images per class, the others are test images, as in the paper"),
  validation: validationShare,
  seed: splitSeed,
});

export const nwpuDataset = defineDataset({
  card,
  options,
  async load(given) {
    const { folders } = await listFolder(given.folder);
    const find = (name: string): string | undefined => {
      const found = folders.find((entry) => entry.replaceAll(/[ _-]/g, "").toLowerCase() === name);
      return found && path.join(given.folder, found);
    };
    const instances = find("instanceimageset");
    const all = instances
      ? await cutOut(instances, given.size)
      : await byBoxes(find("positiveimageset"), find("groundtruth"), given);
    const { train, test } = perClass(all, given.trainPerClass, given.seed);
    return { card, damaged: [], ...parts({ train, test }, given) };
  },
});

/** Objects cropped beforehand. */
async function cutOut(root: string, size: number): Promise<Dataset> {
  const { files } = await listFolder(root);
  const labelled = files.flatMap((name): LabelledFile[] => {
    const label = Number(/_(\d+)\.png$/i.exec(name)?.[1]);
    return label >= 1 && label <= 10 ? [{ file: path.join(root, name), label: label - 1 }] : [];
  });
  if (labelled.length === 0) throw new GmrError("invalid-data", `${root} has no images named *_CLASS.png`);
  const settings = await completeOptions({ size, channels: 3, resize: "stretch" }, labelled[0].file);
  return imageFileDataset("NWPU VHR-10", labelled, CLASSES, settings);
}

interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
  label: number;
}

/** The boxes in a ground truth file. @throws GmrError `invalid-data`, naming the line */
function readBoxes(text: string, name: string): Box[] {
  return text.split("\n").flatMap((line, i) => {
    if (line.trim() === "") return [];
    const numbers = line
      .replaceAll(/[()\s]/g, "")
      .split(",")
      .map(Number);
    const [x1, y1, x2, y2, label] = numbers;
    if (
      numbers.length !== 5 ||
      !numbers.every(Number.isInteger) ||
      x2 <= x1 ||
      y2 <= y1 ||
      !(label >= 1 && label <= 10)
    ) {
      throw new GmrError(
        "invalid-data",
        `${name}, line ${i + 1}: ${JSON.stringify(line.trim())}, expected (x1,y1),(x2,y2),class ` +
          "with x1 < x2, y1 < y2 and a class from 1 to 10",
      );
    }
    return [{ left: x1, top: y1, width: x2 - x1, height: y2 - y1, label: label - 1 }];
  });
}

/** Objects cropped from the images. They are small and many share an image, so all are read at once. */
async function byBoxes(
  images: string | undefined,
  truth: string | undefined,
  { folder: root, size }: z.output<typeof options>,
): Promise<Dataset> {
  if (!images || !truth) {
    throw new GmrError(
      "io",
      `${root}: expected the folders "positive image set" and "ground truth", or "instance_image_set"`,
    );
  }
  const { files } = await listFolder(truth);
  const texts = files.filter((name) => name.endsWith(".txt"));
  if (texts.length === 0) throw new GmrError("invalid-data", `${truth} has no .txt files`);
  const sources: string[] = [];
  const cuts = [];
  for (const name of texts) {
    const file = path.join(truth, name);
    const boxes = readBoxes(new TextDecoder().decode(await readRequired(file, "a list of boxes")), file);
    const image = path.join(images, name.replace(/\.txt$/, ".jpg"));
    for (const box of boxes) {
      const { data } = await decodeRegion(image, box, { size: [size, size], channels: 3, resize: "stretch" });
      cuts.push({ images: data, labels: Int32Array.of(box.label) });
      sources.push(`${image}, (${box.left},${box.top})`);
    }
  }
  const set = joined(cuts);
  return datasetOf(
    {
      name: "NWPU VHR-10",
      images: set.images,
      labels: set.labels,
      shape: [size, size, 3],
      count: sources.length,
      classNames: CLASSES,
    },
    { source: (index) => sources[index] },
  );
}

/** Draws `count` training images per class by the seed; the others are test images. */
export function perClass(all: Dataset, count: number, seed: number): { train: Dataset; test: Dataset } {
  const labels = Array.from(all.labels ?? []);
  const byClass = all.classNames.map((_, label) => labels.flatMap((own, i) => (own === label ? [i] : [])));
  const few = byClass.findIndex((own) => own.length <= count);
  if (few >= 0) {
    throw new GmrError(
      "invalid-argument",
      `trainPerClass ${count}: there are ${byClass[few].length} images of ${all.classNames[few]}, ` +
        "and some must be left for the test",
    );
  }
  const shuffled = byClass.map((own, label) => new Random(deriveSeed(seed, label)).shuffle(own));
  const of = (name: string, chosen: number[]) => ({
    ...pick(
      all,
      chosen.sort((a, b) => a - b),
    ),
    name: `${all.name} ${name}`,
  });
  return {
    train: of(
      "train",
      shuffled.flatMap((own) => own.slice(0, count)),
    ),
    test: of(
      "test",
      shuffled.flatMap((own) => own.slice(count)),
    ),
  };
}
