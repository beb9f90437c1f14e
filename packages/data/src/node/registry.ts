// The data sets by name. A new one is a file in datasets/ and an entry here.

import { checkKeys, describeValue, GmrError, nearestName } from "@gmr-conv/core";
import { z } from "zod";
import type { DatasetCard, LoadedDataset } from "../card.ts";
import { cifar10Dataset, cifar100Dataset } from "./datasets/cifar.ts";
import { csvDataset } from "./datasets/csv.ts";
import { folderDataset } from "./datasets/folder.ts";
import { imagenetDataset } from "./datasets/imagenet.ts";
import { masksDataset } from "./datasets/masks.ts";
import { medmnistDataset } from "./datasets/medmnist.ts";
import { mnistDataset } from "./datasets/mnist.ts";
import { modelnet10Dataset, modelnet40Dataset } from "./datasets/modelnet.ts";
import { mtarsiDataset } from "./datasets/mtarsi.ts";
import { nctDataset } from "./datasets/nctCrc.ts";
import { nwpuDataset } from "./datasets/nwpu.ts";
import { pcamDataset } from "./datasets/pcam.ts";
import type { DatasetEntry } from "./entry.ts";

const ENTRIES: readonly DatasetEntry[] = [
  folderDataset,
  csvDataset,
  masksDataset,
  mnistDataset,
  cifar10Dataset,
  cifar100Dataset,
  nwpuDataset,
  mtarsiDataset,
  nctDataset,
  pcamDataset,
  imagenetDataset,
  modelnet10Dataset,
  modelnet40Dataset,
  medmnistDataset,
];

/** A data set by name with its options, as in a configuration. */
export interface DatasetSpec {
  name: string;
  [option: string]: unknown;
}

/** The names that {@link loadDataset} knows. */
export const DATASET_NAMES: readonly string[] = ENTRIES.map(({ card }) => card.name);

/** The cards of all data sets. */
export const datasetCards = (): DatasetCard[] => ENTRIES.map(({ card }) => card);

/** The entry of a name. @throws GmrError `invalid-argument` for an unknown one */
export function datasetEntry(name: unknown): DatasetEntry {
  const found = ENTRIES.find(({ card }) => card.name === name);
  if (found) return found;
  throw new GmrError("invalid-argument", `data set ${describeValue(name)}: ${expectedName(name)}`);
}

function expectedName(name: unknown): string {
  const near = typeof name === "string" ? nearestName(name, DATASET_NAMES) : undefined;
  return near ? `did you mean ${near}?` : `expected one of ${DATASET_NAMES.join(", ")}`;
}

/** The form of a {@link DatasetSpec}. */
export const datasetSchema = z.discriminatedUnion(
  "name",
  ENTRIES.map(({ card, options }) =>
    z.strictObject({ name: z.literal(card.name), ...options.shape }).describe(card.title),
  ) as unknown as [z.ZodObject, z.ZodObject],
  { error: ({ input }) => expectedName((input as Partial<DatasetSpec> | undefined)?.name) },
);

/**
 * Checks the options of a data set and fills in defaults.
 * @throws GmrError `invalid-argument`, naming the option and what was expected
 */
export function checkDatasetSpec(spec: DatasetSpec): DatasetSpec {
  const { options } = datasetEntry(spec?.name);
  const { name, ...given } = spec;
  const known = Object.fromEntries(Object.keys(options.shape).map((key) => [key, true]));
  checkKeys(`the options of data set ${name}`, given, known);
  const result = options.safeParse(given);
  if (result.success) return { name, ...result.data };
  const [issue] = result.error.issues;
  const place = [name, ...issue.path.map(String)].join(".");
  throw new GmrError(
    "invalid-argument",
    `data set ${place}: ${issue.message.replace(/^Invalid input: (expected .*), received undefined$/, "missing, $1")}`,
  );
}

/**
 * Reads a data set by name.
 * @throws GmrError `invalid-argument` for an unknown name or option; `io` and `invalid-data` for missing or damaged
 *   files, naming them
 */
export async function loadDataset(spec: DatasetSpec): Promise<LoadedDataset> {
  const { name, ...options } = checkDatasetSpec(spec);
  return datasetEntry(name).load(options);
}
