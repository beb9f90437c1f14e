// A table of images and their classes.

import path from "node:path";
import { GmrError } from "@gmr-conv/core";
import Papa from "papaparse";
import { z } from "zod";
import type { DatasetCard } from "../../card.ts";
import type { Dataset } from "../../dataset.ts";
import { decodeImage } from "../decode.ts";
import {
  defineDataset,
  exclude,
  imageOptions,
  parts,
  skipDamaged,
  splitSeed,
  testShare,
  validationShare,
} from "../entry.ts";
import { byCodePoints, readRequired } from "../files.ts";
import {
  completeOptions,
  imageFileDataset,
  type LabelledFile,
  without,
  withoutDamaged,
} from "../imageFiles.ts";

const card: DatasetCard = {
  name: "csv",
  title: "A table of images and their classes",
  description:
    "A CSV file with a header: paths of images, their classes and, optionally, the part and the group each belongs to.",
  task: "classification",
  source: "your own",
  licence: "your own",
  layout: [
    "FILE.csv with the columns path and label, optionally split (train, validation or test) and group",
    "Paths are relative to the file.",
  ],
  input: "0 for black to 1 for white",
};

const options = z.strictObject({
  file: z.string().min(1).describe("the CSV file"),
  pathColumn: z.string().default("path").describe("name of the column of paths"),
  labelColumn: z.string().default("label").describe("name of the column of classes"),
  splitColumn: z.string().default("split").describe("name of the column of parts, optional"),
  groupColumn: z
    .string()
    .default("group")
    .describe("name of the column of groups, which are never split, optional"),
  ...imageOptions,
  validation: validationShare,
  test: testShare,
  seed: splitSeed,
  skipDamaged,
  exclude,
});

const PARTS: Readonly<Record<string, "train" | "validation" | "test">> = {
  train: "train",
  training: "train",
  validation: "validation",
  val: "validation",
  valid: "validation",
  test: "test",
};

export const csvDataset = defineDataset({
  card,
  options,
  async load(given) {
    const rows = readTable(await readRequired(given.file, "a CSV file"), given);
    const classNames = [...new Set(rows.map(({ label }) => label))].sort(byCodePoints);
    if (classNames.length < 2) {
      throw new GmrError("invalid-data", `${given.file}: one class, ${classNames[0]}, expected at least two`);
    }
    const root = path.dirname(given.file);
    const all = rows.map((row) => ({
      file: path.resolve(root, row.path),
      label: classNames.indexOf(row.label),
      group: row.group,
      part: row.part,
    }));
    const labelled = without(all, root, given.exclude);
    const settings = await completeOptions(given, labelled[0].file);
    const { good, damaged } = given.skipDamaged
      ? await withoutDamaged(labelled, ({ file }) => decodeImage(file, settings))
      : { good: labelled, damaged: [] };
    const title = path.basename(given.file, path.extname(given.file));
    const make = (name: "train" | "validation" | "test"): Dataset | undefined => {
      const files: LabelledFile[] = good.filter(({ part }) => part === name);
      return files.length > 0 ? imageFileDataset(`${title} ${name}`, files, classNames, settings) : undefined;
    };
    const train = make("train");
    if (!train) throw new GmrError("invalid-data", `${given.file}: no image in the split train`);
    const splits = parts({ train, validation: make("validation"), test: make("test") }, given);
    return { card: { ...card, title, classNames }, damaged, ...splits };
  },
});

interface Row {
  path: string;
  label: string;
  group: string | undefined;
  part: "train" | "validation" | "test";
}

function readTable(
  bytes: Uint8Array,
  { file, pathColumn, labelColumn, splitColumn, groupColumn }: z.output<typeof options>,
): Row[] {
  const { data, errors, meta } = Papa.parse<Record<string, string>>(
    new TextDecoder().decode(bytes).replace(/^\uFEFF/, ""),
    {
      header: true,
      skipEmptyLines: "greedy",
    },
  );
  const columns = meta.fields ?? [];
  const missing = [pathColumn, labelColumn].find((column) => !columns.includes(column));
  if (missing !== undefined) {
    throw new GmrError(
      "invalid-data",
      `${file}: no column ${JSON.stringify(missing)}, it has ${columns.join(", ") || "none"}`,
    );
  }
  const [error] = errors.filter(({ type }) => type !== "Delimiter");
  if (error) throw new GmrError("invalid-data", `${file}, row ${(error.row ?? 0) + 1}: ${error.message}`);
  if (data.length === 0) throw new GmrError("invalid-data", `${file}: no rows`);
  return data.map((row, i) => {
    const [name, label] = [row[pathColumn]?.trim(), row[labelColumn]?.trim()];
    if (!name || !label)
      throw new GmrError("invalid-data", `${file}, row ${i + 1}: no ${name ? "label" : "path"}`);
    const split = row[splitColumn]?.trim() || "train";
    const part = PARTS[split.toLowerCase()];
    if (!part) {
      throw new GmrError(
        "invalid-data",
        `${file}, row ${i + 1}: split ${JSON.stringify(split)}, expected train, validation or test`,
      );
    }
    return { path: name, label, group: row[groupColumn]?.trim() || undefined, part };
  });
}
