// The reference GMR convolution: mixture, fold, reference convolution, and back.

import { checkRank, type PerAxis, product } from "../axes.ts";
import { checkKeys, checkLength, type KeysOf } from "../checks.ts";
import { foldKernel, foldKernelGrad, foldWithMasks, foldWithMasksGrad } from "../fold.ts";
import { CONV_OPTIONS } from "../geometry.ts";
import { mixtureMatrix, mixWeights, mixWeightsGrad } from "../mixture.ts";
import { type RingPartition, ringPartition } from "../rings.ts";
import {
  type ReferenceConvOptions,
  type ReferenceOutput,
  referenceConv,
  referenceConvGrad,
} from "./reference.ts";

/** The parameters of a GMR convolution. */
export interface GmrParameters {
  /** Ring weights [R, Cin/groups, Cout]; transposed: [R, Cout/groups, Cin]. */
  weights: ArrayLike<number>;
  /** [R]; if missing, there is no mixture: W' = w. */
  logSigmas?: ArrayLike<number> | undefined;
  /** [R, Πk]; default: the partition's 0/1 masks. */
  masks?: ArrayLike<number> | undefined;
  /** [Cout]. */
  bias?: ArrayLike<number> | undefined;
}

export interface ReferenceGmrOptions extends Omit<ReferenceConvOptions, "bias"> {
  /** Kernel sizes, odd; one number applies to every axis. */
  kernelSize: PerAxis;
  /** Number of rings R. Default as for {@link ringPartition}. */
  numRings?: number | undefined;
  /** Leave the kernel's corners out. Default true. */
  circular?: boolean | undefined;
}

const PARAMETERS: KeysOf<GmrParameters> = { weights: true, logSigmas: true, masks: true, bias: true };

const OPTIONS: KeysOf<ReferenceGmrOptions> = {
  ...CONV_OPTIONS,
  kernelSize: true,
  groups: true,
  numRings: true,
  circular: true,
};

/** Gradients of x and of the given parameters, in their layouts; undefined for missing ones. */
export interface ReferenceGmrGradients {
  x: Float64Array;
  weights: Float64Array;
  logSigmas: Float64Array | undefined;
  masks: Float64Array | undefined;
  bias: Float64Array | undefined;
}

/**
 * The dense kernel of a GMR convolution: the ring weights mixed, then folded.
 *
 * @returns [...k, Cin/groups, Cout]; transposed: [...k, Cout/groups, Cin]
 * @throws GmrError `invalid-shape` if the parameters' lengths do not fit the partition, `invalid-data` if `logSigmas`
 *   contains NaN
 */
export function gmrKernel(parameters: GmrParameters, partition: RingPartition): Float64Array {
  const { masks } = checkKeys("the parameters of a GMR convolution", parameters, PARAMETERS);
  const mixed = mixedWeights(parameters, partition);
  return masks
    ? foldWithMasks(mixed, checkMasks(masks, partition), partition.numRings)
    : foldKernel(mixed, partition);
}

/**
 * The GMR convolution y = x ∗ fold(mix(w, logσ)) + b, in float64.
 *
 * @param x [N, ...spatial, Cin]
 * @param shape the shape of x; 1 to 3 spatial axes
 * @throws GmrError as {@link ringPartition}, {@link gmrKernel} and {@link referenceConv}
 */
export function referenceGmrConv(
  x: ArrayLike<number>,
  shape: readonly number[],
  parameters: GmrParameters,
  options: ReferenceGmrOptions,
): ReferenceOutput {
  const kernel = gmrKernel(parameters, partitionFor(shape, options));
  return referenceConv(x, shape, kernel, { ...denseOptions(options), bias: parameters.bias });
}

/**
 * The adjoint of {@link referenceGmrConv}: the gradients of Σ y · gradY for x and every parameter given.
 *
 * @param gradY [N, ...output spatial, Cout]
 * @throws GmrError as {@link referenceGmrConv}, and `invalid-shape` if gradY does not have the output's length
 */
export function referenceGmrConvGrad(
  x: ArrayLike<number>,
  shape: readonly number[],
  parameters: GmrParameters,
  gradY: ArrayLike<number>,
  options: ReferenceGmrOptions,
): ReferenceGmrGradients {
  const partition = partitionFor(shape, options);
  const { weights, logSigmas, masks, bias } = parameters;
  const conv = referenceConvGrad(x, shape, gmrKernel(parameters, partition), gradY, denseOptions(options));
  const fold = masks
    ? foldWithMasksGrad(conv.kernel, mixedWeights(parameters, partition), masks, partition.numRings)
    : { ringWeights: foldKernelGrad(conv.kernel, partition), masks: undefined };
  const mix = logSigmas
    ? mixWeightsGrad(weights, logSigmas, fold.ringWeights)
    : { weights: fold.ringWeights, logSigmas: undefined };
  return { ...mix, x: conv.x, masks: fold.masks, bias: bias && conv.bias };
}

function partitionFor(shape: readonly number[], options: ReferenceGmrOptions): RingPartition {
  checkKeys("the options of a GMR convolution", options, OPTIONS);
  const rank = checkRank("the number of spatial axes", shape.length - 2);
  return ringPartition(options.kernelSize, { rank, numRings: options.numRings, circular: options.circular });
}

function denseOptions({ numRings: _, circular: __, ...options }: ReferenceGmrOptions): ReferenceConvOptions {
  return options;
}

function mixedWeights({ weights, logSigmas }: GmrParameters, { numRings }: RingPartition): ArrayLike<number> {
  return logSigmas ? mixWeights(weights, mixtureMatrix(logSigmas, numRings), numRings) : weights;
}

function checkMasks(masks: ArrayLike<number>, partition: RingPartition): ArrayLike<number> {
  const sizes = [partition.numRings, ...partition.kernelSize];
  checkLength("masks", masks, product(sizes), `[${sizes.join(", ")}]`);
  return masks;
}
