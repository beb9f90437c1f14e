// From the options of a GMR-UNet to a plan: checked, with every default filled in.

import {
  checkFits,
  checkKeys,
  checkNonNegativeInteger,
  checkPositiveInteger,
  describeValue,
  GmrError,
  oneOf,
} from "@gmr-conv/core";
import type { ConvKind } from "./networkOptions.ts";
import { checkInputShape, checkOdd, checkWidths, inRange, list, ringStart } from "./optionChecks.ts";
import { UNET_OPTIONS, type UNetOptions } from "./unetOptions.ts";

type Complete<T> = { [K in keyof T]-?: NonNullable<T[K]> };

/** The options with every default filled in. */
export interface UNetPlan extends Complete<Omit<UNetOptions, "seed" | "numRings" | "defaults">> {
  rank: 2 | 3;
  inputShape: (number | null)[];
  features: number[];
  kernelSizes: number[];
  numRings: (number | undefined)[];
  seed: number | undefined;
}

const FEATURES = [32, 32, 64, 128, 256];
const KERNEL_SIZES = [9, 9, 5, 5, 3];

/** Checks the options of a network without making it. @throws GmrError `invalid-argument`, naming the option */
export function checkUNetOptions(options: UNetOptions): void {
  planUNet(options);
}

/** Checks options and fills in defaults. @throws GmrError `invalid-argument` */
export function planUNet(options: UNetOptions): UNetPlan {
  const { inputShape: given } = checkKeys("the options of unet", options, UNET_OPTIONS);
  const inputShape = checkInputShape(given);
  const rank = inputShape.length === 4 ? 3 : 2;
  const kind = oneOf("kind", options.kind ?? "gmr", ["gmr", "dense"]);
  const official = oneOf("defaults", options.defaults ?? "ours", ["ours", "official"]) === "official";
  const classes = checkPositiveInteger("classes", options.classes);
  const levels = planLevels(options, { kind, rank });
  checkFits(`classes ${classes}`, classes * levels.features[levels.levels + 1], "weights");
  return {
    rank,
    inputShape,
    classes,
    kind,
    ...levels,
    circular: options.circular ?? !official,
    mixture: options.mixture ?? !official,
    norm: oneOf("norm", options.norm ?? "instance", ["instance", "batch", "none"]),
    slope: inRange("slope", options.slope ?? 0.1),
    dropout: inRange("dropout", options.dropout ?? 0),
    upsampling: oneOf("upsampling", options.upsampling ?? (official ? "deconv" : "linear"), [
      "linear",
      "deconv",
    ]),
    pooling: oneOf("pooling", options.pooling ?? "max", ["max", "average"]),
    oddSides: oneOf("oddSides", options.oddSides ?? (official ? "floor" : "symmetric"), [
      "symmetric",
      "floor",
    ]),
    ...ringStart(options, "kaimingUniform"),
    decaySigma: options.decaySigma ?? false,
    seed: options.seed == null ? undefined : checkNonNegativeInteger("seed", options.seed),
    name: options.name ?? `${kind}-unet`,
  };
}

function planLevels(
  options: UNetOptions,
  { kind, rank }: { kind: ConvKind; rank: number },
): Pick<UNetPlan, "levels" | "features" | "kernelSizes" | "numRings"> {
  const levels = options.levels ?? 4;
  if (![1, 2, 3, 4].includes(levels)) {
    throw new GmrError("invalid-argument", `levels must be 1, 2, 3 or 4, got ${describeValue(levels)}`);
  }
  const each = `one for each of the ${levels + 1} sizes of maps`;
  const perLevel = (name: string, values: readonly number[]) => listOf(name, values, levels + 1, each);
  const features = listOf(
    "features",
    options.features ?? [...FEATURES.slice(0, levels + 1), 32],
    levels + 2,
    `${each}, and the end of the decoder`,
  );
  const defaultSizes = kind === "dense" ? KERNEL_SIZES.map(() => 3) : KERNEL_SIZES;
  const kernelSizes = perLevel("kernelSizes", options.kernelSizes ?? defaultSizes.slice(0, levels + 1));
  kernelSizes.forEach((size, i) => void checkOdd(`kernelSizes[${i}]`, size));
  checkWidths("features", features, { kind, rank, kernelSizes });
  const numRings = options.numRings
    ? perLevel("numRings", options.numRings)
    : new Array<undefined>(levels + 1).fill(undefined);
  return { levels, features, kernelSizes, numRings };
}

/** A list of `length` positive integers; `of` says what they are. */
function listOf(name: string, values: readonly number[], length: number, of: string): number[] {
  if (Array.isArray(values) && values.length === length) return list(name, values);
  throw new GmrError(
    "invalid-argument",
    `${name} must be a list of ${length} numbers (${of}), got ${describeValue(values)}`,
  );
}
