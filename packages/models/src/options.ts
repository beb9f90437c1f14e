// The options of a GMR-ResNet, checked and completed.

import { checkNonNegativeInteger, checkPositiveInteger, describeValue, GmrError } from "@gmr-conv/core";
import type { RingInitializer } from "@gmr-conv/tfjs";

/** `gmr`: ring convolutions. `dense`: the twin of the same depth and widths with plain 3×3 convolutions. */
export type ConvKind = "gmr" | "dense";

/**
 * How a strided block halves its input.
 * - `average`: 2×2 averages, as in the official networks.
 * - `blur`: 3×3 averages first, which lets less aliasing through and so keeps accuracy flatter over angles.
 */
export type Pooling = "average" | "blur";

/**
 * What part of the feature maps counts.
 * - `square`: all of it. Its border lies differently to a pattern turned by 45°.
 * - `disc`: the inscribed disc, with a soft edge; outside it features are zero. The border is then the same at every
 *   angle, which keeps accuracy flat between the multiples of 90°.
 */
export type FieldOfView = "square" | "disc";

/** What becomes of the last feature map: one number per channel, wherever the pattern was. */
export type GlobalPooling = "average" | "max";

export interface ResNetOptions {
  /** Height, width and channels of the images. */
  inputShape: readonly [number, number, number];
  /** Number of classes. */
  classes: number;
  /** Default `gmr`. */
  kind?: ConvKind | undefined;
  /** Blocks per stage; default [2, 2, 2, 2] (ResNet-18). */
  depths?: readonly number[] | undefined;
  /** Channels per stage; default 64, doubled from stage to stage. */
  widths?: readonly number[] | undefined;
  /** Kernel size per stage, odd; default 9, 9, 5, 5, … (dense: 3). */
  kernelSizes?: readonly number[] | undefined;
  /** Stride per stage, 1 or 2; default 1, then 2. */
  strides?: readonly (1 | 2)[] | undefined;
  /** Channels of the stem; default: those of the first stage. */
  stemWidth?: number | undefined;
  /** Kernel size of the stem; default 5 (dense: 3). */
  stemKernelSize?: number | undefined;
  /** Halve the stem's output. Default false. */
  stemPool?: boolean | undefined;
  /** Default `average`. */
  pooling?: Pooling | undefined;
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
  /** How the weights of ring convolutions start. Default `kaimingNormal`, as in the official networks. */
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
}

export interface Stage {
  depth: number;
  width: number;
  kernelSize: number;
  stride: 1 | 2;
  numRings: number | undefined;
}

/** The options with every default filled in. */
export interface ResNetPlan {
  inputShape: [number, number, number];
  classes: number;
  kind: ConvKind;
  stages: Stage[];
  stemWidth: number;
  stemKernelSize: number;
  stemPool: boolean;
  pooling: Pooling;
  globalPooling: GlobalPooling;
  fieldOfView: FieldOfView;
  inputPadding: number;
  inputBlur: number;
  headNorm: boolean;
  ringInitializer: RingInitializer;
  zeroInitResidual: boolean;
  decaySigma: boolean;
  seed: number | undefined;
  name: string;
}

/** Checks options and fills in defaults. @throws GmrError `invalid-argument` */
export function planResNet(options: ResNetOptions): ResNetPlan {
  const { inputShape } = options;
  if (!Array.isArray(inputShape) || inputShape.length !== 3) {
    throw new GmrError(
      "invalid-argument",
      `inputShape must be [height, width, channels], got ${describeValue(inputShape)}`,
    );
  }
  const [height, width, channels] = inputShape.map((n, i) => checkPositiveInteger(`inputShape[${i}]`, n));
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
  const kernelSizes = perStage("kernelSizes", options.kernelSizes, (i) =>
    kind === "dense" ? 3 : i < 2 ? 9 : 5,
  );
  const strides = perStage("strides", options.strides, (i) => (i === 0 ? 1 : 2)).map((s) => {
    if (s === 1 || s === 2) return s;
    throw new GmrError("invalid-argument", `strides must be 1 or 2, got ${s}`);
  });
  const numRings = options.numRings && list("numRings", options.numRings, stages);
  const stemKernelSize = options.stemKernelSize ?? (kind === "dense" ? 3 : 5);
  return {
    inputShape: [height, width, channels],
    classes: checkPositiveInteger("classes", options.classes),
    kind,
    stages: depths.map((depth, i) => ({
      depth,
      width: widths[i],
      kernelSize: checkOdd(`kernelSizes[${i}]`, kernelSizes[i]),
      stride: strides[i],
      numRings: numRings?.[i],
    })),
    stemWidth: checkPositiveInteger("stemWidth", options.stemWidth ?? widths[0]),
    stemKernelSize: checkOdd("stemKernelSize", stemKernelSize),
    stemPool: options.stemPool ?? false,
    pooling: oneOf("pooling", options.pooling ?? "average", ["average", "blur"]),
    globalPooling: oneOf("globalPooling", options.globalPooling ?? "average", ["average", "max"]),
    fieldOfView: oneOf("fieldOfView", options.fieldOfView ?? "square", ["square", "disc"]),
    inputPadding: checkNonNegativeInteger("inputPadding", options.inputPadding ?? 0),
    inputBlur: checkNonNegative("inputBlur", options.inputBlur ?? 0),
    headNorm: options.headNorm ?? false,
    ringInitializer: oneOf("ringInitializer", options.ringInitializer ?? "kaimingNormal", [
      "kaimingNormal",
      "kaimingUniform",
      "ringMean",
    ]),
    decaySigma: options.decaySigma ?? false,
    zeroInitResidual: options.zeroInitResidual ?? false,
    seed: options.seed,
    name: options.name ?? `${kind}-resnet`,
  };
}

function list(name: string, values: readonly number[], length?: number): number[] {
  if (!Array.isArray(values) || (length !== undefined && values.length !== length)) {
    const expected =
      length === undefined ? "a list" : `a list with one entry for each of the ${length} stages`;
    throw new GmrError("invalid-argument", `${name} must be ${expected}, got ${describeValue(values)}`);
  }
  return values.map((value, i) => checkPositiveInteger(`${name}[${i}]`, value));
}

function checkOdd(name: string, value: number): number {
  if (checkPositiveInteger(name, value) % 2 === 1) return value;
  throw new GmrError("invalid-argument", `${name} must be odd, got ${value}`);
}

function checkNonNegative(name: string, value: number): number {
  if (Number.isFinite(value) && value >= 0) return value;
  throw new GmrError(
    "invalid-argument",
    `${name} must be a number of at least 0, got ${describeValue(value)}`,
  );
}

function oneOf<T extends string>(name: string, value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((entry) => entry === value);
  if (found !== undefined) return found;
  throw new GmrError(
    "invalid-argument",
    `${name} must be one of ${allowed.map((a) => `"${a}"`).join(", ")}, got ${describeValue(value)}`,
  );
}
