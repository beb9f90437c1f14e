// The description of a trained network, `network.json`, which says all that is needed to use it: how to build it, how
// its images are read, what its classes are called. `gmr export` writes it, pages read it.

import { describeValue, GmrError } from "@gmr-conv/core";

/** What the file calls its format, and the version that this package reads and writes. */
export const FORMAT = "gmr-conv network";
export const VERSION = 1;

/** A network's folder: the name of its description there. */
export const DESCRIPTION_FILE = "network.json";

export interface NetworkDescription {
  format: typeof FORMAT;
  version: typeof VERSION;
  task: "classification" | "segmentation";
  /**
   * Name and options of the network for `createModel` of `@gmr-conv/models/registry`. Absent if {@link weights} is a layers
   * model, which holds its own architecture.
   */
  network?: { name: string; options: Record<string, unknown> } | undefined;
  /**
   * The file with the weights, relative to the description: safetensors with the names of `@gmr-conv/io/layers` or,
   * without {@link network}, the `model.json` of a TensorFlow.js layers model.
   */
  weights: string;
  /** [height, width, channels] of the training images, 1 or 3 channels. Segmentation takes images of any size. */
  shape: [height: number, width: number, channels: number];
  classNames: string[];
  /** Standardisation of each channel, `(x − mean) / std` of numbers from 0 to 1; null for none. */
  normalization: { mean: number[]; std: number[] } | null;
  reading: ImageReading;
  card: NetworkCard;
}

/** How images were read for training. What is absent has the default of `decodeImage` of `@gmr-conv/data/node`. */
export interface ImageReading {
  /**
   * What happens to an image of another size: scaled to cover the network's size and cropped around the centre
   * (`"crop"`, the default), stretched, scaled to fit and padded with the background, or refused. Not for segmentation.
   */
  resize?: "crop" | "stretch" | "pad" | "none" | undefined;
  /** Red, green, blue from 0 to 255 behind transparent pixels and in the padding. Default black. */
  background?: readonly [red: number, green: number, blue: number] | undefined;
  /**
   * Which values of images with 16 bits become 0 and 1: their 1st and 99.8th percentiles (`"auto"`, the default), their
   * extremes, those of the type, or two given values.
   */
  range?: "auto" | "image" | "type" | readonly [low: number, high: number] | undefined;
}

/** What a person should know about the network. */
export interface NetworkCard {
  title: string;
  /** A sentence or two: what it recognises, and in which images. */
  text?: string | undefined;
  /** When it was written, in ISO 8601. */
  created?: string | undefined;
  /** What trained it, with its version, such as `gmr 1.2.0`. */
  software?: string | undefined;
  /** The data set that it was trained on. */
  data?: { name: string; source?: string | undefined; licence?: string | undefined } | undefined;
  /** Of the weights. */
  licence?: string | undefined;
  /** Number of trained parameters. */
  parameters?: number | undefined;
  /** What its evaluation measured, on images that it was not trained on. */
  accuracy?: NetworkAccuracy | undefined;
}

export interface NetworkAccuracy {
  /** What the figures are: shares of images classified correctly, or mean Dice coefficients, from 0 to 1. */
  score: "accuracy" | "Dice";
  /** Number of images. */
  images?: number | undefined;
  upright: number;
  /** Mean over all angles. */
  mean?: number | undefined;
  worst?: number | undefined;
  /** Degrees. */
  worstAngle?: number | undefined;
  /** On images mirrored left to right, and upside down. */
  mirrored?: readonly number[] | undefined;
  /** The score at each angle in degrees. */
  angles?: readonly (readonly [angle: number, score: number])[] | undefined;
}

/**
 * Reads the text of a `network.json`, or a value parsed from it.
 * @param name of the file in errors, such as its address
 * @throws GmrError `invalid-data`, naming the entry that is wrong and what was expected; `unsupported` for a later
 *   version of the format
 *
 * @example
 * const { classNames } = parseNetworkDescription(await readFile("network/network.json", "utf8"));
 */
export function parseNetworkDescription(json: unknown, name = DESCRIPTION_FILE): NetworkDescription {
  const fail = (problem: string): GmrError => new GmrError("invalid-data", `${name}: ${problem}`);
  const value = typeof json === "string" ? parsed(json, fail) : json;
  if (!isRecord(value) || value.format !== FORMAT) {
    throw fail(
      `this is not the description of a network: expected "format": "${FORMAT}", got ` +
        describeValue(isRecord(value) ? value.format : value),
    );
  }
  if (value.version !== VERSION) {
    throw new GmrError(
      "unsupported",
      `${name}: version ${describeValue(value.version)} of the format, this program reads version ${VERSION}: ` +
        "update @gmr-conv/web, or export the network again",
    );
  }
  const expect = (key: string, holds: boolean, expected: string): void => {
    if (holds) return;
    const got = key.split(".").reduce<unknown>((of, part) => (isRecord(of) ? of[part] : undefined), value);
    throw fail(`"${key}" must be ${expected}, got ${describeValue(got)}`);
  };
  const { task, network, weights, shape, classNames, normalization, reading, card } = value;
  expect("task", task === "classification" || task === "segmentation", '"classification" or "segmentation"');
  expect("network", network === undefined || isNetwork(network), "{ name, options } or absent");
  expect("weights", isFileName(weights), "the name of a file beside it");
  expect("shape", isShape(shape), "[height, width, channels] with 1 or 3 channels");
  expect("classNames", isList(classNames, 2, isText), "a list of at least two names");
  const channels = (shape as number[])[2];
  expect(
    "normalization",
    normalization === null || isNormalization(normalization, channels),
    `null or { mean, std }, each with ${channels === 1 ? "one number" : `${channels} numbers`}, std positive`,
  );
  expect("reading", isRecord(reading), "an object");
  const { resize, background, range } = reading as Record<string, unknown>;
  expect(
    "reading.resize",
    resize === undefined || ["crop", "stretch", "pad", "none"].includes(resize as string),
    '"crop", "stretch", "pad" or "none"',
  );
  expect(
    "reading.background",
    background === undefined || (isList(background, 3, isByte) && background.length === 3),
    "three numbers from 0 to 255",
  );
  expect(
    "reading.range",
    range === undefined || isRange(range),
    '"auto", "image", "type" or two rising numbers',
  );
  expect("card", isRecord(card), "an object");
  expect("card.title", isText((card as Record<string, unknown>).title), "a text");
  return value as unknown as NetworkDescription;
}

function parsed(text: string, fail: (problem: string) => GmrError): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const start = text.trimStart();
    if (start.startsWith("<")) {
      throw fail(
        "expected the description of a network, got a web page: the address is probably wrong, and the server " +
          "answers with its start page",
      );
    }
    throw fail(`expected JSON, got ${describeValue(start)}`);
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";

const isByte = (value: unknown): boolean => typeof value === "number" && value >= 0 && value <= 255;

const isFiniteNumber = (value: unknown): value is number => Number.isFinite(value);

const isPositive = (value: unknown): boolean => isFiniteNumber(value) && value > 0;

const isList = (value: unknown, least: number, holds: (entry: unknown) => boolean): value is unknown[] =>
  Array.isArray(value) && value.length >= least && value.every(holds);

/** A file in the same folder or below it. */
const isFileName = (value: unknown): boolean =>
  isText(value) && !/^[a-z][a-z\d+.-]*:|^[/\\]|(^|[/\\])\.\.([/\\]|$)/i.test(value);

const isNetwork = (value: unknown): boolean =>
  isRecord(value) && isText(value.name) && isRecord(value.options);

const isShape = (value: unknown): boolean =>
  isList(value, 3, (side) => isPositive(side) && Number.isInteger(side)) &&
  value.length === 3 &&
  (value[2] === 1 || value[2] === 3);

const isNormalization = (value: unknown, channels: number): boolean =>
  isRecord(value) &&
  isList(value.mean, channels, isFiniteNumber) &&
  isList(value.std, channels, isPositive) &&
  value.mean.length === channels &&
  value.std.length === channels;

const isRange = (value: unknown): boolean =>
  ["auto", "image", "type"].includes(value as string) ||
  (isList(value, 2, isFiniteNumber) && value.length === 2 && (value[0] as number) < (value[1] as number));
