// The forms of the files of a run. They may be read back days later, by other versions, or after editing by hand.

import { describeValue, GmrError, reasonOf } from "@gmr-conv/core";
import { z } from "zod";
import { FILE_NAME, problemsOf } from "../config/schema.ts";

const count = z.int().min(1);
const share = z.number().min(0).max(1);

/** A line of `metrics.jsonl`: some training steps, or a validation. */
export const metricSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("progress"),
    network: z.string(),
    step: count,
    epoch: z.int().min(0),
    loss: z.number(),
    accuracy: share,
    learningRate: z.number().min(0),
    seconds: z.number().min(0),
    imagesPerSecond: z.number().min(0),
    waiting: z.number().min(0),
  }),
  z.object({
    type: z.literal("validation"),
    network: z.string(),
    step: count,
    epochs: count,
    score: share,
    loss: z.number().optional(),
    best: z.boolean(),
    seconds: z.number().min(0),
    sigmas: z.record(z.string(), z.array(z.number())).optional(),
  }),
]);

/** What model cards need from `report.json`. */
export const reportSchema = z.object({
  command: z.string(),
  score: z.enum(["accuracy", "Dice"]),
  dataset: z.object({ name: z.string(), train: z.int(), test: z.int(), evaluated: z.int() }),
  classNames: z.array(z.string()),
  networks: z.array(
    z.object({
      name: z.string(),
      weights: z.string().optional(),
      parameters: z.int(),
      upright: z.object({ score: share }),
      angles: z.array(z.object({ angle: z.number(), score: share, axis: z.string().optional() })),
      flips: z.array(z.object({ direction: z.string(), score: share })),
    }),
  ),
});

/**
 * Parses JSON of a given form.
 * @param file names it in errors
 * @throws GmrError `invalid-data` for invalid JSON or another form, naming the first problems
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
  throw new GmrError("invalid-data", `${file}: ${problemsOf(result.error)}`);
}

/**
 * Returns a name if it is a plain file name.
 * @throws GmrError `invalid-argument` otherwise
 */
export function checkFileName(what: string, name: string): string {
  if (FILE_NAME.test(name)) return name;
  throw new GmrError(
    "invalid-argument",
    `${what} ${describeValue(name)}: expected letters, digits, "-", "_" and "." only`,
  );
}
