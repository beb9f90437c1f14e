// A folder of class folders: your own images.

import path from "node:path";
import { z } from "zod";
import type { DamagedFile, DatasetCard } from "../../card.ts";
import { classFiles } from "../classFiles.ts";
import { type DecodeOptions, decodeImage } from "../decode.ts";
import {
  defineDataset,
  exclude,
  folder,
  groupPattern,
  imageOptions,
  parts,
  sameClasses,
  skipDamaged,
  splitSeed,
  testShare,
  validationShare,
} from "../entry.ts";
import { listFolder } from "../files.ts";
import {
  completeOptions,
  groupBy,
  imageFileDataset,
  type LabelledFile,
  without,
  withoutDamaged,
} from "../imageFiles.ts";

const card: DatasetCard = {
  name: "folder",
  title: "A folder of images, one folder for each class",
  description: "Your own images: PNG, JPEG, TIFF (8 or 16 bit) or WebP, grey or in colour, of any size.",
  task: "classification",
  source: "your own",
  licence: "your own",
  layout: [
    "FOLDER/CLASS/*.png with all images, which are split; or",
    "FOLDER/train/CLASS/*.png, FOLDER/test/CLASS/*.png and, optionally, FOLDER/validation/CLASS/*.png",
    "Subfolders of class folders count as part of the class; other files and hidden ones are ignored.",
  ],
  input: "0 for black to 1 for white",
};

const options = z.strictObject({
  folder,
  ...imageOptions,
  validation: validationShare,
  test: testShare,
  seed: splitSeed,
  groupPattern,
  skipDamaged,
  exclude,
});

export const folderDataset = defineDataset({
  card,
  options,
  async load(given) {
    const layout = await partsIn(given.folder);
    const groupOf = groupBy(given.groupPattern);
    const train = await classFiles(layout.train, groupOf);
    const settings = await completeOptions(given, train.files[0].file);
    const damaged: DamagedFile[] = [];
    const title = path.basename(path.resolve(given.folder));
    const make = async (name: string, all: LabelledFile[]) => {
      const files = without(all, given.folder, given.exclude);
      const kept = given.skipDamaged ? await leaveOut(files, settings) : { good: files, damaged: [] };
      damaged.push(...kept.damaged);
      return imageFileDataset(`${title} ${name}`, kept.good, train.classNames, settings);
    };
    const other = async (name: "validation" | "test", at: string | undefined) => {
      if (!at) return undefined;
      const { files, classNames } = await classFiles(at, groupOf);
      sameClasses(train.classNames, classNames, at);
      return make(name, files);
    };
    const splits = parts(
      {
        train: await make(layout.test ? "train" : "images", train.files),
        validation: await other("validation", layout.validation),
        test: await other("test", layout.test),
      },
      given,
    );
    const own = { ...card, title, classNames: train.classNames };
    return { card: own, damaged, ...splits };
  },
});

const leaveOut = (files: LabelledFile[], settings: DecodeOptions) =>
  withoutDamaged(files, ({ file }) => decodeImage(file, settings));

/** The folders of the parts; without `train`, the root holds everything. */
async function partsIn(root: string): Promise<{ train: string; validation?: string; test?: string }> {
  const { folders } = await listFolder(root);
  const find = (...names: string[]): string | undefined => {
    const found = folders.find((name) => names.includes(name.toLowerCase()));
    return found && path.join(root, found);
  };
  const train = find("train", "training");
  if (!train) return { train: root };
  const [validation, test] = [find("validation", "val", "valid"), find("test", "testing")];
  return { train, ...(validation && { validation }), ...(test && { test }) };
}
