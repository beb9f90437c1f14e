// The options of a GMR convolution, checked and turned into a plan once per call.

import {
  type ConvGeometry,
  checkFits,
  checkKeys,
  checkPositiveInteger,
  convGeometry,
  GmrError,
  type KeysOf,
  oneOf,
  type Pad,
  type PadMode,
  type PerAxis,
  product,
  type Rank,
  type RingPartition,
  ringPartition,
} from "@gmr-conv/core";
import type * as tf from "@tensorflow/tfjs";
import { checkTensor, checkVector } from "./checks.ts";

/**
 * - `ring`: sums over rings, then one matrix product. Uses the backend's own kernel if it has one, otherwise a
 *   depthwise convolution with constant masks and a matrix product.
 * - `dense`: fold the weights into a dense kernel, then the stock convolution.
 * - `auto`: what `tuneStrategies` measured for this shape; else the cheaper one by the backend's cost model
 *   (`setBackendTraits`).
 */
export type Strategy = "ring" | "dense" | "auto";

/** Checks an option that names a strategy. */
export const checkStrategy = (value: unknown): Strategy =>
  oneOf("strategy", value, ["ring", "dense", "auto"]);

export interface GmrConvOptions {
  /** Odd kernel sizes. A single number applies to every axis. */
  kernelSize: PerAxis;
  /** Default 1. */
  strides?: PerAxis | undefined;
  /** `"same"`, `"valid"`, or positions added on each side, one number or one per axis. Default `"valid"`. */
  pad?: Pad | undefined;
  /** What lies outside the image. Default `"zeros"`. */
  padMode?: PadMode | undefined;
  /** Default 1. */
  dilations?: PerAxis | undefined;
  /** Default 1. */
  groups?: number | undefined;
  /** Leave the corners of the kernel out of every ring. Default true. */
  circular?: boolean | undefined;
  /** [R] logarithms of the mixture's standard deviations, in rings; without them the rings are not mixed. */
  logSigmas?: tf.Tensor1D | undefined;
  /**
   * [R, Πk] share of each kernel position in each ring, row-major, replacing the 0/1 masks of the partition; for
   * trained masks. Needs the dense strategy, since such rings are neither equally weighted nor symmetric.
   */
  masks?: tf.Tensor2D | undefined;
  /** [Cout] added to the output. */
  bias?: tf.Tensor1D | undefined;
  /** Default `"auto"`. */
  strategy?: Strategy | undefined;
}

export interface GmrConvTransposeOptions extends Omit<GmrConvOptions, "pad" | "padMode"> {
  /** `"same"` (output = input · stride), `"valid"`, or positions cut off on each side. Default `"valid"`. */
  pad?: Pad | undefined;
  /** Positions added at the end of each axis of the output, less than stride or dilation. Default 0. */
  outputPadding?: PerAxis | undefined;
}

/** What only the other direction takes is known too: `convGeometry` refuses it with the reason. */
const KEYS: KeysOf<GmrConvOptions & GmrConvTransposeOptions> = {
  kernelSize: true,
  strides: true,
  pad: true,
  padMode: true,
  dilations: true,
  groups: true,
  circular: true,
  logSigmas: true,
  masks: true,
  bias: true,
  strategy: true,
  outputPadding: true,
};

/** A convolution to compute, with the sizes of one of its groups. */
export interface ConvPlan {
  rank: Rank;
  partition: RingPartition;
  geometry: ConvGeometry;
  groups: number;
  strategy: Strategy;
  masks: tf.Tensor2D | undefined;
}

/** The maximum size of one tensor: 4 GiB, as much as an array or a WebAssembly memory can hold. */
const MAX_TENSOR_NUMBERS = 2 ** 30;

const AXES = { 1: "W", 2: "H, W", 3: "D, H, W" };

/** Checks everything the caller passed. @throws GmrError `invalid-shape`, `invalid-argument` or `unsupported` */
export function planConv(
  rank: Rank,
  x: tf.Tensor,
  weights: tf.Tensor,
  options: GmrConvOptions & GmrConvTransposeOptions,
  transposed = false,
): ConvPlan {
  const axes = AXES[rank];
  checkTensor("x", x, [rank + 1, rank + 2], `[N, ${axes}, Cin] or [${axes}, Cin]`);
  checkTensor("weights", weights, [3], transposed ? "[R, Cout/groups, Cin]" : "[R, Cin/groups, Cout]");
  const what = `the options of gmrConv${rank}d${transposed ? "Transpose" : ""}`;
  if (checkKeys(what, options ?? {}, KEYS).kernelSize === undefined) {
    throw new GmrError("invalid-argument", "kernelSize must be given, got undefined");
  }
  const groups = checkPositiveInteger("groups", options.groups ?? 1);
  const [numRings, inner, outer] = weights.shape as [number, number, number];
  const channels = x.shape[x.rank - 1];
  const expected = transposed ? outer : inner * groups;
  if (channels !== expected) {
    throw new GmrError(
      "invalid-shape",
      `weights [${weights.shape}] with ${groups} group(s) need x with ${expected} channels, got x [${x.shape}]`,
    );
  }
  if (outer % groups !== 0) {
    const which = transposed ? "input" : "output";
    throw new GmrError("invalid-shape", `groups (${groups}) must divide the ${outer} ${which} channels`);
  }
  const partition = partitionOf(options.kernelSize, rank, numRings, options.circular ?? true);
  const { logSigmas, bias, masks } = options;
  if (logSigmas !== undefined) checkVector("logSigmas", logSigmas, numRings, "one per ring");
  if (bias !== undefined) {
    checkVector("bias", bias, transposed ? inner * groups : outer, "one per output channel");
  }
  const strategy = checkStrategy(options.strategy ?? "auto");
  if (masks !== undefined) checkMasks(masks, strategy, partition);
  const geometry = convGeometry({
    inputSize: x.shape.slice(-rank - 1, -1),
    kernelSize: partition.kernelSize,
    strides: options.strides,
    pad: options.pad,
    dilations: options.dilations,
    padMode: options.padMode,
    transposed,
    outputPadding: options.outputPadding,
  });
  const outputShape = [
    ...x.shape.slice(0, -rank - 1),
    ...geometry.outputSize,
    transposed ? inner * groups : outer,
  ];
  checkFits(`an output of shape [${outputShape}]`, product(outputShape), "numbers", MAX_TENSOR_NUMBERS);
  return { rank, partition, geometry, groups, strategy: masks ? "dense" : strategy, masks };
}

function checkMasks(masks: tf.Tensor2D, strategy: Strategy, partition: RingPartition): void {
  const expected = [partition.numRings, partition.index.length];
  checkTensor("masks", masks, [2], `[${expected}] (rings, kernel positions)`);
  if (masks.shape.join() !== expected.join()) {
    throw new GmrError(
      "invalid-shape",
      `masks must have shape [${expected}] (rings, kernel positions), got [${masks.shape}]`,
    );
  }
  if (strategy === "ring") {
    throw new GmrError("unsupported", 'masks need strategy "dense" or "auto", got "ring"');
  }
}

/** Cached partitions: networks use few of them. */
const partitions = new Map<string, RingPartition>();

function partitionOf(kernelSize: PerAxis, rank: Rank, numRings: number, circular: boolean): RingPartition {
  const key = `${rank}/${kernelSize}/${numRings}/${circular}`;
  let partition = partitions.get(key);
  if (!partition) {
    partition = ringPartition(kernelSize, { rank, numRings, circular });
    partitions.set(key, partition);
  }
  return partition;
}
