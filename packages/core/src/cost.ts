// What a convolution costs, counted rather than measured. Three ways to compute it are compared:
//
//   dense      a stock convolution with the folded (or an unconstrained) k×k kernel
//   ring       ring sums, which only add, then one matrix product with K = R · Cin/groups
//   official   the default path of the official package for square 2-D kernels without groups: every input channel is
//              convolved with R smoothed k×k masks at stride 1, then a 1×1 convolution takes the stride and
//              mixes the channels. Elsewhere that path fails, and the dense convolution is counted.

import { checkRank, type PerAxis, product } from "./axes.ts";
import { checkChannels } from "./channels.ts";
import { checkPositiveInteger } from "./errors.ts";
import { type ConvGeometry, convGeometry, type Pad } from "./geometry.ts";
import { type RingPartition, ringPartition } from "./rings.ts";

export interface ConvCostOptions {
  /** Spatial sizes of the input, 1 to 3 of them. */
  inputSize: readonly number[];
  inChannels: number;
  outChannels: number;
  /** Odd kernel sizes; one number stands for every axis. */
  kernelSize: PerAxis;
  /** Number of rings R. Default as for {@link ringPartition}. */
  numRings?: number | undefined;
  /** Default true. */
  circular?: boolean | undefined;
  /** Default 1. */
  strides?: PerAxis | undefined;
  /** Default `"valid"`. */
  pad?: Pad | undefined;
  /** Default 1. */
  dilations?: PerAxis | undefined;
  /** Default 1. */
  groups?: number | undefined;
  /** Number of images. Default 1. */
  batch?: number | undefined;
  /** Whether there is a bias. Default true. */
  bias?: boolean | undefined;
  /** Whether there is a Gaussian mixture. Default true. */
  mixture?: boolean | undefined;
}

/** The cost of one forward pass. P is N times the number of output positions, Cg = Cin/groups. */
export interface ConvCost {
  outputSize: readonly number[];
  /** Input positions that an output sees, from one side to the other, per axis: d(k - 1) + 1. */
  receptiveField: readonly number[];
  parameters: {
    /** R · Cg · Cout, plus R log-sigmas with a mixture, plus Cout with a bias. */
    gmr: number;
    /** Πk · Cg · Cout, plus Cout with a bias. */
    dense: number;
  };
  /** Multiplications, each with the addition that follows it. */
  multiplyAdds: {
    /** P · Πk · Cg · Cout. */
    dense: number;
    /** P · R · Cg · Cout. */
    ring: number;
    /** P₁ · Πk · R · Cin + P · R · Cin · Cout, with P₁ as P at stride 1; elsewhere as dense. */
    official: number;
    /** R · R · Cg · Cout, once per call whatever the images' size; 0 without a mixture. In none of the above. */
    mixture: number;
  };
  adds: {
    /** Additions without multiplication that make the ring sums: P · Cin · Σ_l max(0, positions on l - 1). */
    ring: number;
  };
  /** Sizes in float32. */
  bytes: {
    /** N · Πinput · Cin. */
    input: number;
    /** P · Cout. */
    output: number;
    /** All parameters of the GMR convolution. */
    gmrParameters: number;
    /** All parameters of the dense convolution. */
    denseParameters: number;
    /** P · R · Cin, the ring sums if they were stored all at once. */
    ringSums: number;
    /** P₁ · R · Cin, what the official path stores between its two convolutions; 0 where the dense convolution is counted. */
    officialIntermediate: number;
  };
}

const BYTES_PER_NUMBER = 4;

/**
 * Counts parameters, operations and bytes of a GMR convolution and of its alternatives; see {@link ConvCost}
 * for each definition.
 *
 * @throws GmrError as {@link ringPartition} and {@link convGeometry}; `invalid-argument` for channels, groups or
 *   batch that are not positive integers; `invalid-shape` if `groups` does not divide the channels
 */
export function convCost(options: ConvCostOptions): ConvCost {
  const { groups = 1, bias = true, mixture = true } = options;
  const inChannels = checkChannels("inChannels", options.inChannels, groups);
  const outChannels = checkChannels("outChannels", options.outChannels, groups);
  const batch = checkPositiveInteger("batch", options.batch ?? 1);
  const rank = checkRank("the number of spatial axes", options.inputSize.length);
  const partition = ringPartition(options.kernelSize, { ...options, rank });
  const geometry = convGeometry(options);
  const { numRings } = partition;

  const outputs = batch * product(geometry.outputSize);
  const pairs = (inChannels / groups) * outChannels;
  const positions = product(partition.kernelSize);
  const biases = bias ? outChannels : 0;
  const parameters = {
    gmr: numRings * pairs + (mixture ? numRings : 0) + biases,
    dense: positions * pairs + biases,
  };

  const dense = outputs * positions * pairs;
  const officialIsFast = rank === 2 && groups === 1 && new Set(partition.kernelSize).size === 1;
  const intermediate = officialIsFast ? batch * unstridedPositions(geometry) * numRings * inChannels : 0;

  return {
    outputSize: geometry.outputSize,
    receptiveField: geometry.extent,
    parameters,
    multiplyAdds: {
      dense,
      ring: outputs * numRings * pairs,
      official: officialIsFast ? intermediate * positions + outputs * numRings * pairs : dense,
      mixture: mixture ? numRings * numRings * pairs : 0,
    },
    adds: { ring: outputs * inChannels * addsPerRingSum(partition) },
    bytes: {
      input: BYTES_PER_NUMBER * batch * product(options.inputSize) * inChannels,
      output: BYTES_PER_NUMBER * outputs * outChannels,
      gmrParameters: BYTES_PER_NUMBER * parameters.gmr,
      denseParameters: BYTES_PER_NUMBER * parameters.dense,
      ringSums: BYTES_PER_NUMBER * outputs * numRings * inChannels,
      officialIntermediate: BYTES_PER_NUMBER * intermediate,
    },
  };
}

function addsPerRingSum({ counts }: RingPartition): number {
  return counts.reduce((sum, count) => sum + Math.max(0, count - 1), 0);
}

/** Output positions of the same padded input at stride 1. */
function unstridedPositions({ inputSize, padding, extent }: ConvGeometry): number {
  return product(
    inputSize.map((size, axis) => size + padding[axis][0] + padding[axis][1] - extent[axis] + 1),
  );
}
