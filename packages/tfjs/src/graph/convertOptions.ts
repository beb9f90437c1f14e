// Conversion options, and which layers are convolutions.

import {
  checkKeys,
  checkNonNegativeInteger,
  checkPositiveInteger,
  describeValue,
  GmrError,
  type KeysOf,
  oneOf,
  type Rank,
  ringPartition,
} from "@gmr-conv/core";
import type { RingBasis } from "@gmr-conv/core/bases";
import type * as tf from "@tensorflow/tfjs";
import { isFoldableConv } from "../layers/foldedConv.ts";
import type { GmrConvArgs } from "../layers/gmrConvArgs.ts";
import { nestedGraphs } from "./nodes.ts";

/** Some convolutions of a model: those with these names, or those for which the function returns true. */
export type LayerFilter = readonly string[] | ((layer: tf.layers.Layer) => boolean);

export interface ConvertOptions {
  /** Odd size of the new kernels along every axis, with "same" padding. Default: unchanged, even sizes plus one. */
  kernelSize?: number | undefined;
  /** Default: half the kernel size, rounded down, plus one. */
  numRings?: number | undefined;
  /** Leave the corners of the kernels out of every ring. Default true. */
  circular?: boolean | undefined;
  /** Smooth the weights along the radius by a mixture of Gaussians. Default true. */
  mixture?: boolean | undefined;
  /** The trained coordinates, see `GmrConvArgs`. */
  ringBasis?: RingBasis | undefined;
  /** Fresh weights, see `GmrConvArgs`. Default `"white"`; `"kaimingNormal"` for the basis `"rings"`. */
  kernelInitializer?: GmrConvArgs["kernelInitializer"];
  /** Groups of convolutions whose channels they divide. Default 1; depthwise convolutions stay depthwise. */
  groups?: number | undefined;
  /**
   * `"fresh"` (default): new random weights, for training. `"project"`: the ring weights nearest to the old kernel in
   * least squares, and the old bias, as a start for finetuning.
   */
  weights?: "fresh" | "project" | undefined;
  /** Convert only these. */
  include?: LayerFilter | undefined;
  /** Keep these unchanged. */
  exclude?: LayerFilter | undefined;
  /** Seed of fresh weights; default: a new one each time. */
  seed?: number | undefined;
}

const KEYS: KeysOf<ConvertOptions> = {
  kernelSize: true,
  numRings: true,
  circular: true,
  mixture: true,
  ringBasis: true,
  kernelInitializer: true,
  groups: true,
  weights: true,
  include: true,
  exclude: true,
  seed: true,
};

/** Stock convolutions. */
export const KINDS: Readonly<Record<string, { rank: Rank; transposed: boolean }>> = {
  Conv1D: { rank: 1, transposed: false },
  Conv2D: { rank: 2, transposed: false },
  Conv3D: { rank: 3, transposed: false },
  DepthwiseConv2D: { rank: 2, transposed: false },
  SeparableConv2D: { rank: 2, transposed: false },
  Conv2DTranspose: { rank: 2, transposed: true },
  Conv3DTranspose: { rank: 3, transposed: true },
};

export function isConvolution(layer: tf.layers.Layer): boolean {
  return isFoldableConv(layer) || Object.hasOwn(KINDS, layer.getClassName());
}

/** @throws GmrError `invalid-argument`, naming the option */
export function checkOptions(options: ConvertOptions, model: tf.LayersModel): ConvertOptions {
  const {
    kernelSize = 1,
    numRings,
    circular,
    groups = 1,
    weights = "fresh",
    seed = 0,
  } = checkKeys("the options of convertToGmr", options, KEYS);
  ringPartition(kernelSize, { rank: 1, numRings, circular });
  checkPositiveInteger("groups", groups);
  checkNonNegativeInteger("seed", seed);
  oneOf("weights", weights, ["fresh", "project"]);
  const layers = nestedGraphs(model).flatMap(({ nodes }) => nodes.map(({ layer }) => layer));
  const names = new Set(layers.filter(isConvolution).map((layer) => layer.name));
  for (const option of ["include", "exclude"] as const) {
    const filter = options[option];
    const unknown = Array.isArray(filter) ? filter.find((name) => !names.has(name)) : undefined;
    if (unknown === undefined) continue;
    throw new GmrError(
      "invalid-argument",
      `${option} must name convolutions of the model, got ${describeValue(unknown)}`,
    );
  }
  return options;
}
