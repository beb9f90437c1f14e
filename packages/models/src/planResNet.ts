// From the options of a GMR-ResNet to a plan: checked, with every default filled in.

import {
  checkFits,
  checkKeys,
  checkNonNegativeInteger,
  checkPositiveInteger,
  describeValue,
  GmrError,
  MAX_KERNEL_POSITIONS,
  oneOf,
  perAxis,
} from "@gmr-conv/core";
import type { RingBasis } from "@gmr-conv/core/bases";
import type { RingInitializer } from "@gmr-conv/tfjs";
import { blurKernelSize } from "./blur.ts";
import type { Block, ConvKind, FieldOfView, GlobalPooling, OddSides, Pooling } from "./networkOptions.ts";
import { checkInputShape, checkNonNegative, checkOdd, checkWidths, list, ringStart } from "./optionChecks.ts";
import { RESNET_OPTIONS, type ResNetOptions } from "./resNetOptions.ts";

/** With more blocks, TensorFlow.js overflows the stack when it sorts the layers of a model. */
const MAX_BLOCKS = 500;

export interface Stage {
  depth: number;
  width: number;
  kernelSize: number;
  stride: 1 | 2;
  /** Dilation of the kernels, in the first block and in the others. */
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
  kernelInitializer: RingInitializer;
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

/** Checks options and fills in defaults. @throws GmrError `invalid-argument` */
export function planResNet(options: ResNetOptions): ResNetPlan {
  const { inputShape: given } = checkKeys("the options of resNet", options, RESNET_OPTIONS);
  const inputShape = checkInputShape(given);
  const rank = inputShape.length === 4 ? 3 : 2;
  const kind = oneOf("kind", options.kind ?? "gmr", ["gmr", "dense"]);
  const official = oneOf("defaults", options.defaults ?? "ours", ["ours", "official"]) === "official";
  const stages = planStages(options, { kind, rank, official });
  const stemKernelSize = options.stemKernelSize ?? (kind === "dense" ? 3 : 5);
  return {
    rank,
    inputShape,
    classes: checkClasses(options.classes, stages[stages.length - 1].width),
    kind,
    block: oneOf("block", options.block ?? "basic", ["basic", "bottleneck"]),
    stages,
    stemWidth: checkPositiveInteger("stemWidth", options.stemWidth ?? stages[0].width),
    stemKernelSize: perAxis("stemKernelSize", stemKernelSize, rank, checkOdd),
    stemPool: options.stemPool ?? (official && options.layerNames !== "r3d"),
    pooling: oneOf("pooling", options.pooling ?? "average", ["average", "blur"]),
    oddSides: oneOf("oddSides", options.oddSides ?? (official ? "floor" : "symmetric"), [
      "symmetric",
      "floor",
    ]),
    globalPooling: oneOf("globalPooling", options.globalPooling ?? "average", ["average", "max"]),
    ...planInput(options, rank),
    headNorm: options.headNorm ?? false,
    ...ringStart(options, "kaimingNormal"),
    decaySigma: options.decaySigma ?? false,
    zeroInitResidual: options.zeroInitResidual ?? false,
    seed: options.seed,
    name: options.name ?? `${kind}-resnet`,
    layerNames: oneOf("layerNames", options.layerNames ?? "resnet", ["resnet", "r3d"]),
  };
}

function planStages(
  options: ResNetOptions,
  { kind, rank, official }: { kind: ConvKind; rank: number; official: boolean },
): Stage[] {
  const depths = list("depths", options.depths ?? [2, 2, 2, 2]);
  if (depths.length === 0)
    throw new GmrError("invalid-argument", "depths must name at least one stage, got []");
  const perStage = (
    name: string,
    given: readonly number[] | undefined,
    fill: (i: number) => number,
  ): number[] => list(name, given ?? depths.map((_, i) => fill(i)), depths.length);
  const widths = perStage("widths", options.widths, (i) => 64 * 2 ** i);
  const kernelSizes = perStage("kernelSizes", options.kernelSizes, (i) =>
    kind === "dense" || official ? 3 : i < 2 ? 9 : 5,
  );
  const steps = planSteps(
    perStage("strides", options.strides, (i) => (i === 0 ? 1 : 2)),
    options.dilateInsteadOfStride,
  );
  const numRings = options.numRings && list("numRings", options.numRings, depths.length);
  const blocks = depths.reduce((a, b) => a + b, 0);
  checkFits(`depths ${describeValue(depths)}`, blocks, "blocks", MAX_BLOCKS);
  checkWidths("widths", widths, { kind, rank, kernelSizes });
  return depths.map((depth, i) => ({
    depth,
    width: widths[i],
    kernelSize: checkOdd(`kernelSizes[${i}]`, kernelSizes[i]),
    ...steps[i],
    numRings: numRings?.[i],
  }));
}

/** Strides and dilations of the stages: a stage that keeps its size multiplies the dilation by its stride instead. */
function planSteps(
  strides: readonly number[],
  dilateInsteadOfStride: readonly boolean[] | undefined,
): Pick<Stage, "stride" | "dilation">[] {
  if (dilateInsteadOfStride && dilateInsteadOfStride.length !== strides.length) {
    throw new GmrError(
      "invalid-argument",
      `dilateInsteadOfStride must be a list with one entry for each of the ${strides.length} stages, ` +
        `got ${describeValue(dilateInsteadOfStride)}`,
    );
  }
  let dilation = 1;
  return strides.map((stride, i) => {
    if (stride !== 1 && stride !== 2) {
      throw new GmrError("invalid-argument", `strides must be 1 or 2, got ${stride}`);
    }
    const first = dilation;
    if (!dilateInsteadOfStride?.[i]) return { stride, dilation: { first, others: first } };
    dilation *= stride;
    return { stride: 1, dilation: { first, others: dilation } };
  });
}

function checkClasses(value: number, features: number): number {
  const classes = checkPositiveInteger("classes", value);
  checkFits(`classes ${classes}`, classes * features, "weights");
  return classes;
}

/** Padding, blur and field of view. */
function planInput(
  options: ResNetOptions,
  rank: number,
): Pick<ResNetPlan, "fieldOfView" | "inputPadding" | "inputBlur"> {
  const fieldOfView = oneOf("fieldOfView", options.fieldOfView ?? "square", ["square", "disc"]);
  const inputPadding = checkNonNegativeInteger("inputPadding", options.inputPadding ?? 0);
  checkFits(`inputPadding ${inputPadding}`, (2 * inputPadding) ** rank, "pixels");
  const inputBlur = checkNonNegative("inputBlur", options.inputBlur ?? 0);
  const positions = blurKernelSize(inputBlur) ** rank;
  checkFits(`inputBlur ${inputBlur}`, positions, "kernel positions", MAX_KERNEL_POSITIONS);
  if (rank === 3 && (fieldOfView === "disc" || inputPadding > 0)) {
    throw new GmrError("unsupported", 'fieldOfView "disc" and inputPadding are for images, not for volumes');
  }
  return { fieldOfView, inputPadding, inputBlur };
}
