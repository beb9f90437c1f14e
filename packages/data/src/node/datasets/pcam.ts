// PatchCamelyon: patches of lymph nodes, in HDF5 files that are read patch by patch.

import path from "node:path";
import { GmrError, product, reasonOf } from "@gmr-conv/core";
import type { File as Hdf5File, Dataset as Hdf5Set } from "h5wasm/node";
import { z } from "zod";
import type { DatasetCard } from "../../card.ts";
import type { Dataset } from "../../dataset.ts";
import { defineDataset, folder } from "../entry.ts";
import { listFolder } from "../files.ts";

const CLASSES = ["normal", "tumour"];

const card: DatasetCard = {
  name: "pcam",
  title: "PatchCamelyon",
  description:
    "Patches of lymph node sections, with or without metastatic tissue in the centre, 96×96 pixels, RGB.",
  task: "classification",
  source: "B. S. Veeling, J. Linmans, J. Winkens, T. Cohen, M. Welling, https://github.com/basveeling/pcam",
  licence: "CC0",
  layout: [
    "camelyonpatch_level_2_split_{train,valid,test}_{x,y}.h5, unpacked; images may also be called training_split.h5, " +
      "validation_split.h5 and test_split.h5",
  ],
  input: "0 for black to 1 for white, RGB",
  classNames: CLASSES,
  counts: { train: 262_144, validation: 32_768, test: 32_768 },
  normalization: { mean: [0.7007, 0.5383, 0.6916], std: [0.1386, 0.1843, 0.1259] },
};

/** Loaded with the first data set, since it starts WebAssembly, and ends the process where there is none. */
let h5wasm: typeof import("h5wasm/node");

const IMAGES = { train: "training_split.h5", valid: "validation_split.h5", test: "test_split.h5" } as const;

export const pcamDataset = defineDataset({
  card,
  options: z.strictObject({ folder }),
  async load(given) {
    h5wasm = await import("h5wasm/node");
    (await h5wasm.ready).activate_throwing_error_handler();
    const { files } = await listFolder(given.folder);
    const find = (part: keyof typeof IMAGES, kind: "x" | "y"): string => {
      const names = [
        `camelyonpatch_level_2_split_${part}_${kind}.h5`,
        ...(kind === "x" ? [IMAGES[part]] : []),
      ];
      const found = names.find((name) => files.includes(name));
      if (found) return path.join(given.folder, found);
      throw new GmrError("io", `${path.join(given.folder, names[0])}: no such file: unpack it there`);
    };
    const open = (part: keyof typeof IMAGES, name: string) =>
      hdf5Dataset(`PatchCamelyon ${name}`, find(part, "x"), find(part, "y"), CLASSES);
    return {
      card,
      damaged: [],
      train: open("train", "train"),
      validation: open("valid", "validation"),
      test: open("test", "test"),
    };
  },
});

/** Bytes [N, H, W, C] in the data set `x` of one file, labels in `y` of another. */
function hdf5Dataset(
  name: string,
  imageFile: string,
  labelFile: string,
  classNames: readonly string[],
): Dataset {
  const { set: labelSet, opened } = openSet(labelFile, "y");
  const values = Array.from(labelSet.value as ArrayLike<number>, Number);
  opened.close();
  const { set: images } = openSet(imageFile, "x");
  const shape = images.shape ?? [];
  const count = shape[0] ?? 0;
  if (shape.length !== 4 || count === 0 || images.dtype !== "<B") {
    throw new GmrError(
      "invalid-data",
      `${imageFile}: x is ${images.dtype} [${shape}], expected bytes [N, H, W, C]`,
    );
  }
  if (values.length !== count) {
    throw new GmrError(
      "invalid-data",
      `${labelFile}: ${values.length} labels, expected ${count}, one per image in ${imageFile}`,
    );
  }
  const wrong = values.findIndex((label) => !(label >= 0 && label < classNames.length));
  if (wrong >= 0)
    throw new GmrError(
      "invalid-data",
      `${labelFile}: label ${values[wrong]} of image ${wrong}, expected 0 or 1`,
    );
  const labels = Int32Array.from(values);
  const size = product(shape.slice(1));
  return {
    name,
    task: "classification",
    shape: shape.slice(1),
    count,
    classNames,
    labels,
    source: (index) => `${imageFile}, image ${index}`,
    read(indices) {
      const data = new Uint8Array(indices.length * size);
      for (let n = 0; n < indices.length; n++) {
        const one = readSlice(images, imageFile, indices[n], shape);
        data.set(one, n * size);
      }
      return { images: data, labels: Int32Array.from(indices, (index) => labels[index]) };
    },
  };
}

function readSlice(images: Hdf5Set, file: string, index: number, shape: number[]): Uint8Array {
  try {
    const whole = shape.slice(1).map((size): [number, number] => [0, size]);
    return images.slice([[index, index + 1], ...whole]) as Uint8Array;
  } catch (error) {
    throw new GmrError("invalid-data", `${file}: image ${index} cannot be read (${hdf5Reason(error)})`);
  }
}

function openSet(file: string, key: string): { set: Hdf5Set; opened: Hdf5File } {
  let opened: Hdf5File;
  try {
    opened = new h5wasm.File(file, "r");
  } catch (error) {
    throw new GmrError("invalid-data", `${file}: not an HDF5 file, or a damaged one (${hdf5Reason(error)})`);
  }
  const set = opened.keys().includes(key) ? opened.get(key) : undefined;
  if (set instanceof h5wasm.Dataset) return { set, opened };
  opened.close();
  throw new GmrError("invalid-data", `${file}: no data set ${JSON.stringify(key)}`);
}

/** The innermost line of the HDF5 library's error stack. */
const hdf5Reason = (error: unknown): string =>
  [...reasonOf(error).matchAll(/minor: (.*)/g)].at(-1)?.[1] ?? reasonOf(error).split("\n")[0];
