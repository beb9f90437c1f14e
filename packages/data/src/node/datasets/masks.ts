// Images or volumes with masks: folders of files with equal names.

import path from "node:path";
import { GmrError } from "@gmr-conv/core";
import { z } from "zod";
import type { DatasetCard } from "../../card.ts";
import { type Dataset, datasetOf, joined } from "../../dataset.ts";
import type { DepthRange } from "../../depthRange.ts";
import { decodeImage, decodeMask } from "../decode.ts";
import {
  defineDataset,
  folder,
  groupPattern,
  imageOptions,
  parts,
  splitSeed,
  testShare,
  validationShare,
} from "../entry.ts";
import { listFolder } from "../files.ts";
import { groupBy } from "../imageFiles.ts";
import { isImageFile } from "../imageInfo.ts";
import { type MaskedImage, patches } from "../patches.ts";
import { isNifti, isVolume, readVolume, readVolumeMask } from "../volume.ts";

const card: DatasetCard = {
  name: "masks",
  title: "Images or volumes with masks",
  description: "Your own images (PNG, JPEG, TIFF) or volumes (multi-page TIFF, NIfTI) with a mask for each.",
  task: "segmentation",
  source: "your own",
  licence: "your own",
  layout: [
    "FOLDER/images/NAME and FOLDER/masks/NAME, with any endings, which are split; or",
    "FOLDER/train/images, FOLDER/train/masks, and the same in FOLDER/test and, optionally, FOLDER/validation",
    "Masks are grey: each number is a class or, with objects: true, an object; 0 is the background.",
  ],
  input: "0 for black to 1 for white",
};

const options = z.strictObject({
  folder,
  objects: z
    .boolean()
    .default(false)
    .describe("numbers in masks are objects, not classes: all above 0 are one class"),
  classNames: z
    .array(z.string())
    .min(2)
    .optional()
    .describe("names of the classes, the background first; default: background and object, or numbers"),
  patch: z
    .array(z.int().min(1))
    .min(2)
    .max(3)
    .optional()
    .describe(
      "cut images into patches of these sizes, [height, width] or [depth, height, width]; default: whole " +
        "images, which must have the same size",
    ),
  stride: z
    .array(z.int().min(1))
    .min(2)
    .max(3)
    .optional()
    .describe("steps between patches; default: their sizes, without overlap"),
  channels: imageOptions.channels,
  range: imageOptions.range,
  validation: validationShare,
  test: testShare,
  seed: splitSeed,
  groupPattern,
});

type Options = z.output<typeof options>;

export const masksDataset = defineDataset({
  card,
  options,
  async load(given) {
    const { folders } = await listFolder(given.folder);
    const split = folders.includes("train");
    const title = path.basename(path.resolve(given.folder));
    const make = (name: string, at: string) => maskDataset(`${title} ${name}`, at, given);
    const part = (name: string) => path.join(given.folder, name);
    const loaded = split
      ? {
          train: await make("train", part("train")),
          ...(folders.includes("validation") && { validation: await make("validation", part("validation")) }),
          ...(folders.includes("test") && { test: await make("test", part("test")) }),
        }
      : { train: await make("images", given.folder) };
    const splits = parts(loaded, given);
    return { card: { ...card, title, classNames: splits.train.classNames }, damaged: [], ...splits };
  },
});

interface Pair extends MaskedImage {
  group: string | undefined;
}

/** Images are few and large, and every patch is needed in every epoch, so all are kept in memory. */
async function maskDataset(name: string, root: string, given: Options): Promise<Dataset> {
  const [images, masks] = await Promise.all(
    ["images", "masks"].map((kind) => filesByName(path.join(root, kind))),
  );
  const groupOf = groupBy(given.groupPattern);
  const pairs: Pair[] = [];
  for (const [key, file] of images) {
    const maskFile = masks.get(key);
    if (!maskFile)
      throw new GmrError("invalid-data", `${file}: no mask of this name in ${path.join(root, "masks")}`);
    const volume = await isVolume(file);
    const { channels } = given;
    const range = given.range as DepthRange;
    const [image, mask] = await Promise.all([
      volume ? readVolume(file, range) : decodeImage(file, { channels, range }),
      volume || isNifti(maskFile) ? readVolumeMask(maskFile) : decodeMask(maskFile),
    ]);
    if (image.shape.slice(0, -1).join() !== mask.shape.join()) {
      throw new GmrError(
        "invalid-data",
        `${maskFile}: [${mask.shape}], expected [${image.shape.slice(0, -1)}] like ${file}`,
      );
    }
    pairs.push({ image, mask, source: file, group: groupOf(file) });
  }
  const stray = [...masks.keys()].find((key) => !images.has(key));
  if (stray)
    throw new GmrError(
      "invalid-data",
      `${masks.get(stray)}: no image of this name in ${path.join(root, "images")}`,
    );
  return segmentationDataset(name, pairs, given);
}

/** Files by name without ending. */
async function filesByName(at: string): Promise<Map<string, string>> {
  const { files } = await listFolder(at);
  const kept = files.filter((name) => isImageFile(name) || isNifti(name));
  if (kept.length === 0)
    throw new GmrError("invalid-data", `${at} has no images (PNG, JPEG, TIFF) and no NIfTI volumes`);
  return new Map(kept.map((name) => [name.replace(/(\.nii)?\.[^.]+$/i, ""), path.join(at, name)]));
}

/** Whole images, or patches of them. */
function segmentationDataset(name: string, pairs: Pair[], given: Options): Dataset {
  const highest = pairs.reduce((most, { mask }) => {
    for (let i = 0; i < mask.data.length; i++) most = Math.max(most, mask.data[i]);
    return most;
  }, 1);
  const classNames =
    given.classNames ??
    (given.objects
      ? ["background", "object"]
      : ["background", ...Array.from({ length: highest }, (_, i) => `class ${i + 1}`)]);
  if (!given.objects && highest >= classNames.length) {
    throw new GmrError(
      "invalid-data",
      `${name}: a mask contains ${highest}, expected classes from 0 to ${classNames.length - 1}; ` +
        "with objects: true each number is an object",
    );
  }
  const sources: string[] = [];
  const groups: string[] = [];
  const examples = pairs.flatMap((pair) =>
    patches(pair, given).map(({ image, mask, place }) => {
      sources.push(place ? `${pair.source}, [${place}]` : pair.source);
      groups.push(pair.group ?? pair.source);
      return { images: image, labels: mask.map((value) => (given.objects ? Number(value > 0) : value)) };
    }),
  );
  const [{ image }] = pairs;
  const shape = [...(given.patch ?? image.shape.slice(0, -1)), image.shape[image.shape.length - 1]];
  const { images, labels } = joined(examples);
  const dataset = datasetOf(
    { name, images, labels, shape, count: examples.length, classNames },
    { source: (index) => sources[index] },
  );
  // Patches of one image belong together, unless there are too few images to split.
  const names = [...new Set(groups)];
  return {
    ...dataset,
    task: "segmentation",
    labels: undefined,
    ...(names.length > 2 || given.groupPattern
      ? { groups: groups.map((group) => names.indexOf(group)) }
      : {}),
  };
}
