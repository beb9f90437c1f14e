// The options of a GMR-UNet, checked and completed.

import {
  checkFits,
  checkKeys,
  checkNonNegativeInteger,
  checkPositiveInteger,
  describeValue,
  GmrError,
  oneOf,
  type RingBasis,
} from "@gmr-conv/core";
import type { RingInitializer } from "@gmr-conv/tfjs";
import {
  type ConvKind,
  checkInputShape,
  checkOdd,
  checkWidths,
  type Defaults,
  list,
  type OddSides,
  ringStart,
} from "./options.ts";

/**
 * How the decoder doubles its maps.
 * - `linear`: a 1×1 convolution where the number of channels changes, then linear interpolation, which turns with the image;
 *   the official `nontrainable`.
 * - `deconv`: a transposed 2×2 convolution, as in the official networks by default. Its four weights treat the four
 *   positions differently, so outputs do not turn exactly with the image.
 */
export type Upsampling = "linear" | "deconv";

export interface UNetOptions {
  /** Default `ours`, which the defaults below are. */
  defaults?: Defaults | undefined;
  /**
   * Height, width and channels of images, or depth, height, width and channels of volumes. Sizes may be null for images
   * of any size.
   */
  inputShape: readonly (number | null)[];
  /** Number of classes, or other outputs per position. */
  classes: number;
  /** Default `gmr`. */
  kind?: ConvKind | undefined;
  /** How often maps are halved, 1 to 4. Default 4. */
  levels?: number | undefined;
  /**
   * Channels of every level of the encoder, from the largest maps down, then those of the decoder's end: levels + 2
   * numbers. Default 32, 32, 64, 128, 256 (as many as there are levels), 32.
   */
  features?: readonly number[] | undefined;
  /** Kernel size of every level, odd; default 9, 9, 5, 5, 3 (dense: 3). */
  kernelSizes?: readonly number[] | undefined;
  /** Rings of every level; default: those of the kernel size. */
  numRings?: readonly number[] | undefined;
  /** Leave the corners of the kernels out of every ring. Default true; the official networks' default is false. */
  circular?: boolean | undefined;
  /** Smooth the weights along the radius. Default true; the official networks' default is false. */
  mixture?: boolean | undefined;
  /** Default `instance`. */
  norm?: "instance" | "batch" | "none" | undefined;
  /** Slope of the leaky rectifier for negative numbers. Default 0.1. */
  slope?: number | undefined;
  /** Share of the activations dropped in training, in [0, 1). Default 0. */
  dropout?: number | undefined;
  /** Default `linear`. */
  upsampling?: Upsampling | undefined;
  /** How the encoder halves its maps. Default `max`. */
  pooling?: "max" | "average" | undefined;
  /** Default `symmetric`, which needs `upsampling: "linear"` where a side is odd. */
  oddSides?: OddSides | undefined;
  /** What ring convolutions train, see `GmrConvArgs` of `@gmr-conv/tfjs`. Default `halfWhite`. */
  ringBasis?: RingBasis | undefined;
  /** How the weights of ring convolutions start. Default `white`; for the basis `rings` `kaimingUniform`, as in the official networks. */
  ringInitializer?: RingInitializer | undefined;
  /** Let weight decay act on the widths of the mixtures. Default false. */
  decaySigma?: boolean | undefined;
  /** Seed of the initial weights; default: other ones each time. */
  seed?: number | undefined;
  /** The model's name; default `gmr-unet` or `dense-unet`. */
  name?: string | undefined;
}

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

/** The names of all options. */
const UNET_OPTIONS: Readonly<Record<keyof UNetOptions, true>> = {
  defaults: true,
  inputShape: true,
  classes: true,
  kind: true,
  levels: true,
  features: true,
  kernelSizes: true,
  numRings: true,
  circular: true,
  mixture: true,
  norm: true,
  slope: true,
  dropout: true,
  upsampling: true,
  pooling: true,
  oddSides: true,
  ringBasis: true,
  ringInitializer: true,
  decaySigma: true,
  seed: true,
  name: true,
};

/** Checks options and fills in defaults. @throws GmrError `invalid-argument` */
export function planUNet(options: UNetOptions): UNetPlan {
  const { inputShape: shape } = checkKeys("the options of a U-Net", options, Object.keys(UNET_OPTIONS));
  const inputShape = checkInputShape(shape);
  const kind = oneOf("kind", options.kind ?? "gmr", ["gmr", "dense"]);
  const official = oneOf("defaults", options.defaults ?? "ours", ["ours", "official"]) === "official";
  const levels = options.levels ?? 4;
  if (![1, 2, 3, 4].includes(levels)) {
    throw new GmrError("invalid-argument", `levels must be 1, 2, 3 or 4, got ${describeValue(levels)}`);
  }
  const sizes =
    options.kernelSizes ?? (kind === "dense" ? KERNEL_SIZES.map(() => 3) : KERNEL_SIZES).slice(0, levels + 1);
  const perLevel = (name: string, values: readonly number[], length: number, of: string) => {
    if (Array.isArray(values) && values.length === length) return list(name, values);
    throw new GmrError(
      "invalid-argument",
      `${name} must be a list of ${length} numbers (${of}), got ${describeValue(values)}`,
    );
  };
  const rank = inputShape.length === 4 ? 3 : 2;
  const classes = checkPositiveInteger("classes", options.classes);
  const each = `one for each of the ${levels + 1} sizes of maps`;
  const features = perLevel(
    "features",
    options.features ?? [...FEATURES.slice(0, levels + 1), 32],
    levels + 2,
    `${each}, and the end of the decoder`,
  );
  const kernelSizes = perLevel("kernelSizes", sizes, levels + 1, each).map((k, i) =>
    checkOdd(`kernelSizes[${i}]`, k),
  );
  checkWidths("features", features, { kind, rank, kernelSizes });
  checkFits(`classes ${classes}`, classes * features[levels + 1], "weights");
  return {
    rank,
    inputShape,
    classes,
    kind,
    levels,
    features,
    kernelSizes,
    numRings: options.numRings
      ? perLevel("numRings", options.numRings, levels + 1, each)
      : new Array<undefined>(levels + 1).fill(undefined),
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

function inRange(name: string, value: unknown): number {
  if (typeof value === "number" && value >= 0 && value < 1) return value;
  throw new GmrError("invalid-argument", `${name} must be a number in [0, 1), got ${describeValue(value)}`);
}
