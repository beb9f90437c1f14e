// MedMNIST: biomedical images and volumes in .npz files.

import path from "node:path";
import { GmrError } from "@gmr-conv/core";
import { z } from "zod";
import type { DatasetCard } from "../../card.ts";
import { type Dataset, datasetOf } from "../../dataset.ts";
import { type NpyArray, readNpz } from "../../formats/npy.ts";
import { defineDataset } from "../entry.ts";
import { readRequired } from "../files.ts";

const card: DatasetCard = {
  name: "medmnist",
  title: "MedMNIST",
  description:
    "Biomedical images and volumes with sides of 28 pixels or more (PathMNIST, BloodMNIST, OrganMNIST3D, …).",
  task: "classification",
  source: "J. Yang et al., Scientific Data 10 (2023) 41; https://medmnist.com",
  licence: "CC BY 4.0; DermaMNIST CC BY-NC 4.0",
  layout: ["NAME.npz with train_images, train_labels, val_images, val_labels, test_images and test_labels"],
  input: "0 for black to 1 for white",
};

export const medmnistDataset = defineDataset({
  card,
  options: z.strictObject({
    file: z.string().min(1).describe("the .npz file"),
    classNames: z
      .array(z.string())
      .min(2)
      .optional()
      .describe("names of the classes; default: their numbers"),
  }),
  async load({ file, classNames: given }) {
    const keys = ["train", "val", "test"].flatMap((part) => [`${part}_images`, `${part}_labels`]);
    const arrays = readNpz(await readRequired(file, "a .npz file of MedMNIST"), file, keys);
    const title = path.basename(file, ".npz");
    const get = (key: string): NpyArray => arrays.get(key) as NpyArray;
    const labels = Object.fromEntries(
      ["train", "val", "test"].map((part) => [
        part,
        labelsOf(get(`${part}_labels`), `${file}, ${part}_labels`),
      ]),
    );
    const classes =
      1 + Object.values(labels).reduce((max, own) => own.reduce((a, b) => Math.max(a, b), max), 1);
    const classNames = given ?? Array.from({ length: classes }, (_, label) => `class ${label}`);
    if (classNames.length < classes) {
      throw new GmrError(
        "invalid-argument",
        `classNames: ${classNames.length} names, ${file} has ${classes} classes`,
      );
    }
    const make = (part: string, name: string): Dataset => {
      const { shape, data } = get(`${part}_images`);
      const colour = shape.length >= 4 && shape[shape.length - 1] === 3;
      const rank = shape.length - 1 - Number(colour);
      if (!(data instanceof Uint8Array) || (rank !== 2 && rank !== 3) || shape[0] !== labels[part].length) {
        throw new GmrError(
          "invalid-data",
          `${file}: ${part}_images [${shape}] of ${data.constructor.name} with ${labels[part].length} labels, ` +
            "expected bytes [N, H, W], [N, H, W, 3] or [N, D, H, W], one label each",
        );
      }
      return datasetOf({
        name: `${title} ${name}`,
        images: data,
        labels: labels[part],
        shape: colour ? shape.slice(1) : [...shape.slice(1), 1],
        count: shape[0],
        classNames,
      });
    };
    return {
      card: { ...card, title, classNames },
      damaged: [],
      train: make("train", "train"),
      validation: make("val", "validation"),
      test: make("test", "test"),
    };
  },
});

function labelsOf({ shape, data }: NpyArray, where: string): Int32Array {
  if (shape.length > 2 || (shape.length === 2 && shape[1] !== 1)) {
    throw new GmrError(
      "unsupported",
      `${where}: [${shape}], expected one class per image; multiple labels are not supported`,
    );
  }
  return Int32Array.from(data as ArrayLike<number>, Number);
}
