// Layer arguments.

import type { Pad, PadMode, PerAxis } from "@gmr-conv/core";
import type { RingBasis } from "@gmr-conv/core/bases";
import type * as tf from "@tensorflow/tfjs";
import type { Strategy } from "../options.ts";
import type { LayerArgs } from "./layerKeys.ts";
import type { RingInitializer } from "./ringWeights.ts";
import type { Constraint, Given, Initializer, Regularizer } from "./stock.ts";

export interface GmrConvArgs extends LayerArgs {
  /** Output channels. */
  filters: number;
  /** Odd kernel sizes. A single number applies to every axis. */
  kernelSize: PerAxis;
  /** Default 1. Larger ones preserve turns and mirror images only on some sizes, see `gmrConv2dLayer`. */
  strides?: PerAxis | undefined;
  /** `"same"`, `"valid"`, or positions on each side. Default `"valid"`, as in stock layers. */
  padding?: Pad | undefined;
  /** Default `"zeros"`. */
  padMode?: PadMode | undefined;
  /** Default 1. */
  dilationRate?: PerAxis | undefined;
  /** Default 1. */
  groups?: number | undefined;
  /** Default: the kernel's first size // 2 + 1, plus one if not circular. */
  numRings?: number | undefined;
  /** Leave the corners of the kernel out of every ring. Default true. */
  circular?: boolean | undefined;
  /** Smooth the weights along the radius by a mixture of Gaussians. Default true. */
  mixture?: boolean | undefined;
  /**
   * The trained coordinates: `"white"`, in which the layer learns several times as fast; `"halfWhite"`, which learn
   * smoother profiles whose responses change less between quarter turns; or the weights of the `"rings"` themselves, as
   * in the official package. Default `"white"`; `"rings"` for kernels of more than 2¹⁴ positions.
   */
  ringBasis?: RingBasis | undefined;
  /** Train the widths of the Gaussians. Default true. */
  trainSigma?: boolean | undefined;
  /** Whether weight decay acts on the widths, for optimisers that consult `decaysWeight`. Default false. */
  decaySigma?: boolean | undefined;
  /**
   * Train the share that each kernel position has in each ring, within ±0.1 of the partition. The kernel is then no
   * longer exactly symmetric, and uses the dense strategy. Default false.
   */
  trainMasks?: boolean | undefined;
  /** Default `"auto"`. */
  strategy?: Strategy | undefined;
  /** Name of a stock activation, such as `"relu"`. */
  activation?: Parameters<typeof tf.layers.activation>[0]["activation"] | undefined;
  /** Default true. */
  useBias?: boolean | undefined;
  /** Default `"white"`; `"kaimingNormal"` for the basis `"rings"`. All but `"white"` draw ring weights. */
  kernelInitializer?: RingInitializer | Given<Initializer>;
  /** Seed of a {@link RingInitializer}; default: a new one each time. */
  seed?: number | undefined;
  /** Default `"zeros"`. */
  biasInitializer?: Given<Initializer>;
  kernelRegularizer?: Given<Regularizer>;
  biasRegularizer?: Given<Regularizer>;
  sigmaRegularizer?: Given<Regularizer>;
  kernelConstraint?: Given<Constraint>;
  biasConstraint?: Given<Constraint>;
}

export interface GmrConvTransposeArgs extends Omit<GmrConvArgs, "padMode"> {
  /** Positions added at the end of each axis of the output, less than stride or dilation. Default 0. */
  outputPadding?: PerAxis | undefined;
}
