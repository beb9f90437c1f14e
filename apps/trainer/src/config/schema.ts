// The form of a configuration, and the JSON schema for editors made from it.

import { type DatasetSpec, datasetSchema } from "@gmr-conv/data/node";
import { MODEL_NAMES, type ModelName } from "@gmr-conv/models/registry";
import type { TrainOptions } from "@gmr-conv/training";
import { z } from "zod";
import { BACKENDS, type BackendChoice } from "../backendNames.ts";
import { samplingSchema, trainSchema } from "./trainSchema.ts";

/** Names of runs and networks, which become file names: no paths, hidden files or options. */
export const FILE_NAME = /^\w[\w.-]*$/;
export const fileName = z.string().regex(FILE_NAME, 'expected letters, digits, "-", "_" and "." only');

const count = z.int().min(1);

const network = z.strictObject({
  name: fileName.describe("short and unique; names the files"),
  label: z.string().optional().describe("for headings; default: the name"),
  model: z
    .looseObject({ name: z.enum(MODEL_NAMES as readonly [ModelName, ...ModelName[]]) })
    .describe("a network by name with its options; inputShape and classes come from the data set"),
  train: trainSchema.optional().describe("settings of this network that differ from those for all"),
});

const evaluation = z.strictObject({
  rotations: z
    .number()
    .positive()
    .max(360)
    .optional()
    .describe("turn test images by every multiple of this angle"),
  axes: z
    .array(z.enum(["D", "H", "W"]))
    .optional()
    .describe("axes that volumes are turned about"),
  flips: z.boolean().optional().describe("mirror test images as well"),
  turnedImages: count.optional().describe("number of test images to turn and mirror"),
  testLimit: count.optional().describe("number of test images to evaluate on"),
  disc: z
    .boolean()
    .optional()
    .describe(
      "evaluate only the disc inscribed in the images, which turns do not cut: networks see nothing " +
        "else, and masks are judged there",
    ),
  fill: samplingSchema.fill,
  interpolation: samplingSchema.interpolation,
});

export const configSchema = z.strictObject({
  title: z.string().optional(),
  dataset: datasetSchema as unknown as z.ZodType<DatasetSpec>,
  limit: count.optional().describe("number of images to train on, spread over the set"),
  backend: z.enum(BACKENDS).optional().describe("where to compute; default wasm"),
  loaders: count
    .max(64)
    .optional()
    .describe("threads that read and augment images for each network; default 1"),
  cacheMegabytes: z
    .number()
    .min(0)
    .optional()
    .describe("size of each loader's cache of decoded images; default 512"),
  train: trainSchema.optional(),
  networks: z
    .array(network)
    .min(1)
    .refine((networks) => new Set(networks.map(({ name }) => name)).size === networks.length, {
      error: "expected each name once",
    })
    .optional()
    .describe("what to train; default: a GMR network sized for the images"),
  evaluation: evaluation.optional(),
});

/** A configuration as a user writes it. */
export interface ConfigInput {
  title?: string | undefined;
  dataset: DatasetSpec;
  limit?: number | undefined;
  backend?: BackendChoice | undefined;
  loaders?: number | undefined;
  cacheMegabytes?: number | undefined;
  train?: TrainOptions | undefined;
  networks?: readonly NetworkInput[] | undefined;
  evaluation?: EvaluationConfig | undefined;
}

interface NetworkInput {
  name: string;
  label?: string | undefined;
  model: ModelSpec;
  train?: TrainOptions | undefined;
}
export type EvaluationConfig = z.output<typeof evaluation>;

/** A network by name with its options. */
export interface ModelSpec {
  name: ModelName;
  [option: string]: unknown;
}

export interface NetworkConfig {
  name: string;
  label: string;
  model: ModelSpec;
  /** All settings. */
  train: TrainOptions;
}

/** What a run must know about its data set without the files. */
export interface RunData {
  title: string;
  source: string;
  licence: string;
  /** What the numbers of an image mean. */
  input: string;
  task: "classification" | "segmentation";
  /** [...sizes, channels] of its images. */
  shape: readonly number[];
  classNames: readonly string[];
}

/** A complete configuration, as a run stores it. */
export interface RunConfig {
  title: string;
  dataset: DatasetSpec;
  data: RunData;
  limit?: number;
  backend: BackendChoice;
  loaders: number;
  cacheMegabytes: number;
  networks: NetworkConfig[];
  evaluation: EvaluationConfig;
}

/** The form of {@link RunConfig}. */
export const runConfigSchema = z.strictObject({
  title: z.string(),
  dataset: datasetSchema as unknown as z.ZodType<DatasetSpec>,
  data: z.strictObject({
    title: z.string(),
    source: z.string(),
    licence: z.string(),
    input: z.string(),
    task: z.enum(["classification", "segmentation"]),
    shape: z.array(count).min(3).max(4),
    classNames: z.array(z.string()).min(2),
  }),
  limit: count.exactOptional(),
  backend: z.enum(BACKENDS),
  loaders: count,
  cacheMegabytes: z.number().min(0),
  networks: z
    .array(
      z.strictObject({ name: fileName, label: z.string(), model: network.shape.model, train: trainSchema }),
    )
    .min(1)
    .refine((networks) => new Set(networks.map(({ name }) => name)).size === networks.length, {
      error: "expected each name once",
    }),
  evaluation,
}) as unknown as z.ZodType<RunConfig>;

/** The JSON schema of configurations, for editors. */
export function jsonSchema(): object {
  return {
    $id: "https://unpkg.com/@gmr-conv/trainer/schema/config.schema.json",
    title: "Configuration of gmr train",
    ...z.toJSONSchema(configSchema, { io: "input" }),
  };
}

/** What to say of a value that is missing. */
function missing(path: readonly PropertyKey[], message: string): string | undefined {
  const [, expected] = /^Invalid input: expected (\w+), received undefined$/.exec(message) ?? [];
  if (expected === undefined) return undefined;
  const key = String(path.at(-1));
  const option = path[0] === "dataset" && (key === "folder" || key === "file") ? `: give --${key}` : "";
  return `missing, expected ${/^[aeio]/.test(expected) ? "an" : "a"} ${expected}${option}`;
}

/** The values that were expected instead of one, where they are few. */
function oneOf(issue: z.core.$ZodIssue): string | undefined {
  if (issue.code !== "invalid_union") return undefined;
  const values = issue.errors.map(([first]) => (first?.code === "invalid_value" ? first.values : undefined));
  if (!values.every((list) => list !== undefined) || values.length === 0) return undefined;
  return `expected one of ${values
    .flat()
    .map((value) => JSON.stringify(value))
    .join(", ")}`;
}

/** The first problems, in one line. */
export function problemsOf(error: z.ZodError): string {
  return error.issues
    .slice(0, 3)
    .map((issue) => {
      const { path, message } = issue;
      const place = path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("");
      return `${place.replace(/^\./, "") || "the whole"}: ${missing(path, message) ?? oneOf(issue) ?? message}`;
    })
    .join("; ");
}
