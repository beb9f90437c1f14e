// The options of a GMR-UNet.

import type { KeysOf } from "@gmr-conv/core";
import type { RingBasis } from "@gmr-conv/core/bases";
import type { RingInitializer } from "@gmr-conv/tfjs";
import type { ConvKind, Defaults, OddSides } from "./networkOptions.ts";

/**
 * How the decoder doubles its maps.
 * - `linear`: a 1×1 convolution where the number of channels changes, then linear interpolation, which turns with the
 *   image; the official `nontrainable`.
 * - `deconv`: a transposed 2×2 convolution, as in the official networks by default. Its four weights treat the four
 *   positions differently, so outputs do not turn exactly with the image.
 */
export type Upsampling = "linear" | "deconv";

export interface UNetOptions {
  /** Default `ours`: the defaults below. */
  defaults?: Defaults | undefined;
  /**
   * Height, width and channels of images, or depth, height, width and channels of volumes. A null size stands for any
   * size.
   */
  inputShape: readonly (number | null)[];
  /** Number of classes, or other outputs per position. */
  classes: number;
  /** Default `gmr`. */
  kind?: ConvKind | undefined;
  /** Number of times that maps are halved, 1 to 4. Default 4. */
  levels?: number | undefined;
  /**
   * Channels of every level of the encoder, largest maps first, then of the end of the decoder: levels + 2 numbers.
   * Default 32, 32, 64, 128, 256 (the first levels + 1 of them), 32.
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
  /** The coordinates that ring weights are trained in, see `GmrConvArgs` of `@gmr-conv/tfjs`. Default `halfWhite`. */
  ringBasis?: RingBasis | undefined;
  /**
   * Initial weights of ring convolutions. Default `white`; with the basis `rings`, `kaimingUniform` as in the official
   * networks.
   */
  kernelInitializer?: RingInitializer | undefined;
  /** Apply weight decay to the widths of the mixtures. Default false. */
  decaySigma?: boolean | undefined;
  /** Seed of the initial weights; default: different ones each time. */
  seed?: number | undefined;
  /** The model's name; default `gmr-unet` or `dense-unet`. */
  name?: string | undefined;
}

/** The names of all options. */
export const UNET_OPTIONS: KeysOf<UNetOptions> = {
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
  kernelInitializer: true,
  decaySigma: true,
  seed: true,
  name: true,
};
