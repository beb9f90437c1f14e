// What the files of a run hold. They may come from elsewhere, or have been edited: whoever reads them checks them here.

import { describeValue, GmrError, reasonOf } from "@gmr-conv/core";
import { checkResNetOptions, type ResNetOptions } from "@gmr-conv/models";
import { z } from "zod";
import { BACKENDS } from "../backend.ts";
import type { TrainConfig } from "../training/config.ts";

/** Names of runs and networks, which name files: no path, and nothing that is hidden or looks like an option. */
const FILE_NAME = /^\w[\w.-]*$/;

const fileName = z.string().regex(FILE_NAME, 'expected letters, digits, "-", "_" and "." only');
const count = z.int().min(1);
const belowOne = z.number().min(0).lt(1);
const share = z.number().min(0).max(1);

/** Checked as where a network is made. */
const modelOptions = z.custom<ResNetOptions>().superRefine((options, context) => {
  try {
    checkResNetOptions(options);
  } catch (error) {
    context.addIssue({ code: "custom", message: reasonOf(error) });
  }
});

/** `config.json`. */
export const configSchema: z.ZodType<TrainConfig> = z.object({
  title: z.string(),
  dataset: z.literal("mnist"),
  dataFolder: z.string().exactOptional(),
  limit: count.exactOptional(),
  backend: z.enum(BACKENDS),
  batchSize: count,
  seed: z.int(),
  labelSmoothing: belowOne,
  clipNorm: z.number().positive().exactOptional(),
  ema: belowOne.exactOptional(),
  checkpointStages: z.boolean().exactOptional(),
  augment: z.object({
    translate: z.number().min(0).exactOptional(),
    subpixel: z.boolean().exactOptional(),
    scale: z.tuple([z.number().positive(), z.number().positive()]).exactOptional(),
  }),
  optimizer: z.object({
    name: z.enum(["adamw", "sgd"]),
    learningRate: z.number().positive(),
    weightDecay: z.number().min(0),
    momentum: belowOne,
    warmup: share,
  }),
  networks: z
    .array(
      z.object({
        name: fileName,
        label: z.string(),
        epochs: count,
        model: modelOptions,
      }),
    )
    .min(1)
    .refine((networks) => new Set(networks.map(({ name }) => name)).size === networks.length, {
      error: "expected each name once",
    }),
});

/** A line of `metrics.jsonl`. */
export const metricSchema = z.object({
  network: z.string(),
  step: count,
  epoch: z.int().min(0),
  loss: z.number(),
  accuracy: share,
  learningRate: z.number().min(0),
  seconds: z.number().min(0),
});

/** What a card takes from `report.json`. */
export const reportSchema = z.object({
  command: z.string(),
  dataset: z.object({ name: z.string(), train: z.int(), test: z.int() }),
  classNames: z.array(z.string()),
  networks: z.array(
    z.object({
      name: z.string(),
      weights: z.string().optional(),
      parameters: z.int(),
      upright: z.object({ accuracy: share }),
      angles: z.array(z.object({ angle: z.number(), accuracy: share })),
      flips: z.object({ horizontal: share, vertical: share }).optional(),
    }),
  ),
});

/**
 * JSON that must have a form.
 * @param file names it in errors
 * @throws GmrError `invalid-data` for what is no JSON or has another form, with the first places
 */
export function parseJson<T>(content: Uint8Array | string, file: string, schema: z.ZodType<T>): T {
  const text = typeof content === "string" ? content : new TextDecoder().decode(content);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new GmrError("invalid-data", `${file} is not JSON: ${reasonOf(error)}`);
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const places = result.error.issues.slice(0, 3).map(({ path, message }) => {
    const place = path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("");
    return `${place.replace(/^\./, "") || "the whole"}: ${message}`;
  });
  throw new GmrError("invalid-data", `${file}: ${places.join("; ")}`);
}

/**
 * Returns a name that can name a file.
 * @throws GmrError `invalid-argument` for one that is no plain file name
 */
export function checkFileName(what: string, name: string): string {
  if (FILE_NAME.test(name)) return name;
  throw new GmrError(
    "invalid-argument",
    `${what} ${describeValue(name)}: expected letters, digits, "-", "_" and "." only`,
  );
}
