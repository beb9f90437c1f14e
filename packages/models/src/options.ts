// The options of a GMR-ResNet, checked and completed.

import {
  checkFits,
  checkKeys,
  checkNonNegativeInteger,
  checkPositiveInteger,
  describeValue,
  GmrError,
  MAX_KERNEL_POSITIONS,
  oneOf,
  type PerAxis,
  perAxis,
  RING_BASES,
  type RingBasis,
} from "@gmr-conv/core";
import type { RingInitializer } from "@gmr-conv/tfjs";
import { blurKernelSize } from "./blur.ts";

/** `gmr`: ring convolutions. `dense`: the twin of the same depth and widths with plain 3×3 convolutions. */
export type ConvKind = "gmr" | "dense";

/**
 * How a strided block halves its input.
 * - `average`: 2×2 averages, as in the official networks.
 * - `blur`: 3×3 averages first, which lets less aliasing through and so keeps accuracy flatter over angles.
 */
export type Pooling = "average" | "blur";

/**
 * What a residual block is made of.
 * - `basic`: two k×k convolutions.
 * - `bottleneck`: a k×k convolution between two 1×1 convolutions, with four times the channels at its end.
 */
export type Block = "basic" | "bottleneck";

/**
 * How odd sides of a map are halved; even ones always over 2 positions.
 * - `symmetric`: over 3 positions with stride 2, which turn with the image.
 * - `floor`: over 2, the last row or column left out, as in the official networks: no longer symmetric.
 */
export type OddSides = "symmetric" | "floor";

/**
 * What part of the feature maps counts.
 * - `square`: all of it. Its border lies differently to a pattern turned by 45°.
 * - `disc`: the inscribed disc, with a soft edge; outside it features are zero. The border is then the same at every
 *   angle, which keeps accuracy flat between the multiples of 90°.
 */
export type FieldOfView = "square" | "disc";

/** What becomes of the last feature map: one number per channel, wherever the pattern was. */
export type GlobalPooling = "average" | "max";

/**
 * Whose defaults stand for options that are not given: `ours`, or those of the `official` package.
 *
 * - all: `ringBasis` "rings", `oddSides` "floor"
 * - ResNet: `kernelSizes` 3 in every stage, `stemPool` true
 * - UNet: `circular` and `mixture` false, `upsampling` "deconv"
 */
export type Defaults = "ours" | "official";

export interface ResNetOptions {
  /** Default `ours`, which the defaults below are. */
  defaults?: Defaults | undefined;
  /**
   * Height, width and channels of images, or depth, height, width and channels of volumes. Sizes may be null for
   * images of any size.
   */
  inputShape: readonly (number | null)[];
  /** Number of classes. */
  classes: number;
  /** Default `gmr`. */
  kind?: ConvKind | undefined;
  /** Default `basic`. */
  block?: Block | undefined;
  /** Blocks per stage; default [2, 2, 2, 2] (ResNet-18). */
  depths?: readonly number[] | undefined;
  /** Channels per stage, of a bottleneck's k×k convolution; default 64, doubled from stage to stage. */
  widths?: readonly number[] | undefined;
  /** Kernel size per stage, odd; default 9, 9, 5, 5, … (dense: 3). */
  kernelSizes?: readonly number[] | undefined;
  /** Stride per stage, 1 or 2; default 1, then 2. */
  strides?: readonly (1 | 2)[] | undefined;
  /** Per stage: keep the size of the maps, and spread the kernels from there on instead. Default: nowhere. */
  dilateInsteadOfStride?: readonly boolean[] | undefined;
  /** Channels of the stem; default: those of the first stage. */
  stemWidth?: number | undefined;
  /** Kernel size of the stem, one number or one per axis, odd; default 5 (dense: 3). */
  stemKernelSize?: PerAxis | undefined;
  /** Halve the stem's output. Default false. */
  stemPool?: boolean | undefined;
  /** Default `average`. */
  pooling?: Pooling | undefined;
  /** Default `symmetric`. */
  oddSides?: OddSides | undefined;
  /** Default `average`. */
  globalPooling?: GlobalPooling | undefined;
  /** Default `square`. */
  fieldOfView?: FieldOfView | undefined;
  /** Zeros added on each side of the images. Default 0. */
  inputPadding?: number | undefined;
  /** Standard deviation, in pixels, of a fixed Gaussian blur of the images. Default 0: none. */
  inputBlur?: number | undefined;
  /** Batch normalisation of the features before the classifier. Default false. */
  headNorm?: boolean | undefined;
  /** What ring convolutions train, see `GmrConvArgs` of `@gmr-conv/tfjs`. Default `halfWhite`. */
  ringBasis?: RingBasis | undefined;
  /**
   * How the weights of ring convolutions start. Default `white`; for the basis `rings` `kaimingNormal`, as in the official 2-D
   * networks.
   */
  ringInitializer?: RingInitializer | undefined;
  /** Let weight decay act on the widths of the mixtures. Default false. */
  decaySigma?: boolean | undefined;
  /** Start every residual branch as nothing. Default false. */
  zeroInitResidual?: boolean | undefined;
  /** Rings per stage; default: those of the kernel size. */
  numRings?: readonly number[] | undefined;
  /** Seed of the initial weights; default: other ones each time. */
  seed?: number | undefined;
  /** The model's name; default `gmr-resnet` or `dense-resnet`. */
  name?: string | undefined;
  /** Which official network the layers are named after. Default `resnet`. */
  layerNames?: "resnet" | "r3d" | undefined;
}

/** More blocks overflow the stack where TensorFlow.js sorts the layers of a model. */
const MAX_BLOCKS = 500;

export interface Stage {
  depth: number;
  width: number;
  kernelSize: number;
  stride: 1 | 2;
  /** Spacing of the kernels' positions, in the first block and in the others. */
  dilation: { first: number; others: number };
  numRings: number | undefined;
}

/** The options with every default filled in. */
export interface ResNetPlan {
  /** Number of spatial axes. */
  rank: 2 | 3;
  inputShape: (number | null)[];
  classes: number;
  kind: ConvKind;
  block: Block;
  stages: Stage[];
  stemWidth: number;
  stemKernelSize: number[];
  stemPool: boolean;
  pooling: Pooling;
  oddSides: OddSides;
  globalPooling: GlobalPooling;
  fieldOfView: FieldOfView;
  inputPadding: number;
  inputBlur: number;
  headNorm: boolean;
  ringBasis: RingBasis;
  ringInitializer: RingInitializer;
  zeroInitResidual: boolean;
  decaySigma: boolean;
  seed: number | undefined;
  name: string;
  layerNames: "resnet" | "r3d";
}

/** Checks the options of a network without making it. @throws GmrError `invalid-argument`, naming the option */
export function checkResNetOptions(options: ResNetOptions): void {
  planResNet(options);
}

/** The names of all options. */
const RESNET_OPTIONS: Readonly<Record<keyof ResNetOptions, true>> = {
  defaults: true,
  inputShape: true,
  classes: true,
  kind: true,
  block: true,
  depths: true,
  widths: true,
  kernelSizes: true,
  strides: true,
  dilateInsteadOfStride: true,
  stemWidth: true,
  stemKernelSize: true,
  stemPool: true,
  pooling: true,
  oddSides: true,
  globalPooling: true,
  fieldOfView: true,
  inputPadding: true,
  inputBlur: true,
  headNorm: true,
  ringBasis: true,
  ringInitializer: true,
  decaySigma: true,
  zeroInitResidual: true,
  numRings: true,
  seed: true,
  name: true,
  layerNames: true,
};

/** Checks options and fills in defaults. @throws GmrError `invalid-argument` */
export function planResNet(options: ResNetOptions): ResNetPlan {
  const { inputShape: given } = checkKeys("the options of a ResNet", options, Object.keys(RESNET_OPTIONS));
  const inputShape = checkInputShape(given);
  const rank = inputShape.length === 4 ? 3 : 2;
  const kind = oneOf("kind", options.kind ?? "gmr", ["gmr", "dense"]);
  const depths = list("depths", options.depths ?? [2, 2, 2, 2]);
  const stages = depths.length;
  if (stages === 0) throw new GmrError("invalid-argument", "depths must name at least one stage, got []");
  const perStage = (
    name: string,
    given: readonly number[] | undefined,
    fill: (i: number) => number,
  ): number[] => list(name, given ?? depths.map((_, i) => fill(i)), stages);
  const widths = perStage("widths", options.widths, (i) => 64 * 2 ** i);
  const official = oneOf("defaults", options.defaults ?? "ours", ["ours", "official"]) === "official";
  const kernelSizes = perStage("kernelSizes", options.kernelSizes, (i) =>
    kind === "dense" || official ? 3 : i < 2 ? 9 : 5,
  );
  const strides = perStage("strides", options.strides, (i) => (i === 0 ? 1 : 2)).map((s) => {
    if (s === 1 || s === 2) return s;
    throw new GmrError("invalid-argument", `strides must be 1 or 2, got ${s}`);
  });
  const { dilateInsteadOfStride } = options;
  if (dilateInsteadOfStride && dilateInsteadOfStride.length !== stages) {
    throw new GmrError(
      "invalid-argument",
      `dilateInsteadOfStride must be a list with one entry for each of the ${stages} stages, ` +
        `got ${describeValue(dilateInsteadOfStride)}`,
    );
  }
  let dilation = 1;
  const walk = strides.map((stride, i): Pick<Stage, "stride" | "dilation"> => {
    const first = dilation;
    if (!dilateInsteadOfStride?.[i]) return { stride, dilation: { first, others: first } };
    dilation *= stride;
    return { stride: 1, dilation: { first, others: dilation } };
  });
  const numRings = options.numRings && list("numRings", options.numRings, stages);
  const stemKernelSize = options.stemKernelSize ?? (kind === "dense" ? 3 : 5);
  const fieldOfView = oneOf("fieldOfView", options.fieldOfView ?? "square", ["square", "disc"]);
  const inputPadding = checkNonNegativeInteger("inputPadding", options.inputPadding ?? 0);
  checkFits(`depths ${describeValue(depths)}`, sumOf(depths), "blocks", MAX_BLOCKS);
  checkWidths("widths", widths, { kind, rank, kernelSizes });
  const classes = checkPositiveInteger("classes", options.classes);
  checkFits(`classes ${classes}`, classes * widths[stages - 1], "weights");
  checkFits(`inputPadding ${inputPadding}`, (2 * inputPadding) ** rank, "pixels");
  const inputBlur = checkNonNegative("inputBlur", options.inputBlur ?? 0);
  checkFits(
    `inputBlur ${inputBlur}`,
    blurKernelSize(inputBlur) ** rank,
    "kernel positions",
    MAX_KERNEL_POSITIONS,
  );
  if (rank === 3 && (fieldOfView === "disc" || inputPadding > 0)) {
    throw new GmrError("unsupported", 'fieldOfView "disc" and inputPadding are for images, not for volumes');
  }
  return {
    rank,
    inputShape,
    classes,
    kind,
    block: oneOf("block", options.block ?? "basic", ["basic", "bottleneck"]),
    stages: depths.map((depth, i) => ({
      depth,
      width: widths[i],
      kernelSize: checkOdd(`kernelSizes[${i}]`, kernelSizes[i]),
      ...walk[i],
      numRings: numRings?.[i],
    })),
    stemWidth: checkPositiveInteger("stemWidth", options.stemWidth ?? widths[0]),
    stemKernelSize: perAxis("stemKernelSize", stemKernelSize, rank, checkOdd),
    stemPool: options.stemPool ?? (official && options.layerNames !== "r3d"),
    pooling: oneOf("pooling", options.pooling ?? "average", ["average", "blur"]),
    oddSides: oneOf("oddSides", options.oddSides ?? (official ? "floor" : "symmetric"), [
      "symmetric",
      "floor",
    ]),
    globalPooling: oneOf("globalPooling", options.globalPooling ?? "average", ["average", "max"]),
    fieldOfView,
    inputPadding,
    inputBlur,
    headNorm: options.headNorm ?? false,
    ...ringStart(options, "kaimingNormal"),
    decaySigma: options.decaySigma ?? false,
    zeroInitResidual: options.zeroInitResidual ?? false,
    seed: options.seed,
    name: options.name ?? `${kind}-resnet`,
    layerNames: oneOf("layerNames", options.layerNames ?? "resnet", ["resnet", "r3d"]),
  };
}

/** The basis and the start of ring convolutions. */
export function ringStart(
  options: Pick<ResNetOptions, "defaults" | "ringBasis" | "ringInitializer">,
  ofRings: RingInitializer,
): { ringBasis: RingBasis; ringInitializer: RingInitializer } {
  const basis = options.ringBasis ?? (options.defaults === "official" ? "rings" : "halfWhite");
  const ringBasis = oneOf("ringBasis", basis, RING_BASES);
  const start = options.ringInitializer ?? (ringBasis === "rings" ? ofRings : "white");
  const ringInitializer = oneOf("ringInitializer", start, RING_INITIALIZERS);
  if (ringInitializer === "white" && ringBasis === "rings") {
    throw new GmrError(
      "invalid-argument",
      'ringInitializer "white" needs ringBasis "white" or "halfWhite", got "rings"',
    );
  }
  return { ringBasis, ringInitializer };
}

const RING_INITIALIZERS = ["white", "kaimingNormal", "kaimingUniform", "ringMean"] as const;

export function list(name: string, values: readonly number[], length?: number): number[] {
  if (!Array.isArray(values) || (length !== undefined && values.length !== length)) {
    const expected =
      length === undefined ? "a list" : `a list with one entry for each of the ${length} stages`;
    throw new GmrError("invalid-argument", `${name} must be ${expected}, got ${describeValue(values)}`);
  }
  return values.map((value, i) => checkPositiveInteger(`${name}[${i}]`, value));
}

const sumOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/**
 * Refuses channels between which a convolution would have too many weights.
 * @throws GmrError `invalid-argument`, naming the entry
 */
export function checkWidths(
  name: string,
  widths: readonly number[],
  { kind, rank, kernelSizes }: { kind: ConvKind; rank: number; kernelSizes: readonly number[] },
): void {
  widths.forEach((width, i) => {
    const size = kernelSizes[Math.min(i, kernelSizes.length - 1)];
    const matrices = kind === "gmr" ? Math.ceil(size / 2) : size ** rank;
    const asked = `${name}[${i}] ${width} with kernels of size ${size}`;
    checkFits(asked, matrices * width * Math.max(width, widths[i - 1] ?? 1), "weights");
  });
}

/** [...sizes, channels] of images or volumes. */
export function checkInputShape(shape: unknown): (number | null)[] {
  if (!Array.isArray(shape) || (shape.length !== 3 && shape.length !== 4)) {
    throw new GmrError(
      "invalid-argument",
      `inputShape must be [height, width, channels] or [depth, height, width, channels], got ${describeValue(shape)}`,
    );
  }
  return shape.map((size: unknown, i) =>
    size === null && i < shape.length - 1 ? null : checkPositiveInteger(`inputShape[${i}]`, size),
  );
}

export function checkOdd(name: string, value: unknown): number {
  const size = checkPositiveInteger(name, value);
  if (size % 2 === 1) return size;
  throw new GmrError("invalid-argument", `${name} must be odd, got ${value}`);
}

function checkNonNegative(name: string, value: number): number {
  if (Number.isFinite(value) && value >= 0) return value;
  throw new GmrError(
    "invalid-argument",
    `${name} must be a number of at least 0, got ${describeValue(value)}`,
  );
}
