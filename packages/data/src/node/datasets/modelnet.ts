// ModelNet: meshes of objects, as voxels.

import path from "node:path";
import { GmrError } from "@gmr-conv/core";
import { z } from "zod";
import type { DatasetCard } from "../../card.ts";
import type { Dataset, Examples } from "../../dataset.ts";
import { joined } from "../../dataset.ts";
import { readOff } from "../../formats/off.ts";
import { voxelize } from "../../formats/voxelize.ts";
import { defineDataset, folder, parts, splitSeed, validationShare } from "../entry.ts";
import { filesBelow, listFolder, readRequired } from "../files.ts";

const options = z.strictObject({
  folder,
  size: z.int().min(1).default(33).describe("voxels along each side"),
  fit: z
    .enum(["sphere", "box"])
    .default("sphere")
    .describe("fit the mesh into the grid such that it stays inside when turned, or by its bounding box"),
  solid: z.boolean().default(false).describe("fill the inside of the meshes"),
  validation: validationShare,
  seed: splitSeed,
});

type Options = z.output<typeof options>;

function modelNet(classes: 10 | 40, counts: { train: number; test: number }) {
  const card: DatasetCard = {
    name: `modelnet${classes}`,
    title: `ModelNet${classes}`,
    description: `Meshes of ${classes} classes of objects, as 33×33×33 voxels.`,
    task: "classification",
    source: "Z. Wu et al., CVPR 2015; https://modelnet.cs.princeton.edu",
    licence: "for academic use; copyright of the meshes belongs to their authors",
    layout: ["CLASS/train/*.off and CLASS/test/*.off"],
    input: "1 for occupied voxels, 0 for free ones",
    counts,
  };
  return defineDataset({
    card,
    options,
    async load(given) {
      const { folders: classNames } = await listFolder(given.folder);
      if (classNames.length !== classes) {
        throw new GmrError(
          "invalid-data",
          `${given.folder} has ${classNames.length} folders, expected ${classes}, one per class`,
        );
      }
      const [train, test] = await Promise.all(
        ["train", "test"].map(async (part) => {
          const perClass = classNames.map((name) =>
            filesBelow(path.join(given.folder, name, part), (file) => /\.off$/i.test(file)),
          );
          const files = (await Promise.all(perClass)).flatMap((list, label) => {
            if (list.length > 0) return list.map((file) => ({ file, label }));
            throw new GmrError(
              "invalid-data",
              `${path.join(given.folder, classNames[label], part)} has no .off files`,
            );
          });
          return meshes(`ModelNet${classes} ${part}`, files, classNames, given);
        }),
      );
      return { card: { ...card, classNames }, damaged: [], ...parts({ train, test }, given) };
    },
  });
}

export const modelnet10Dataset = modelNet(10, { train: 3991, test: 908 });
export const modelnet40Dataset = modelNet(40, { train: 9843, test: 2468 });

function meshes(
  name: string,
  files: readonly { file: string; label: number }[],
  classNames: readonly string[],
  { size, fit, solid }: Options,
): Dataset {
  const read = async ({ file, label }: { file: string; label: number }): Promise<Examples> => {
    const text = new TextDecoder().decode(await readRequired(file, "a mesh"));
    // Bytes are scaled to [0, 1] later.
    const voxels = voxelize(readOff(text, file), { size, fit, solid }).map((voxel) => voxel * 255);
    return { images: voxels, labels: Int32Array.of(label) };
  };
  return {
    name,
    task: "classification",
    shape: [size, size, size, 1],
    count: files.length,
    classNames,
    labels: Int32Array.from(files, ({ label }) => label),
    source: (index) => files[index].file,
    read: async (indices) => joined(await Promise.all(Array.from(indices, (index) => read(files[index])))),
  };
}
