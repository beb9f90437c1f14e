// The options of a GMR-ResNet.

import type { KeysOf, PerAxis } from "@gmr-conv/core";
import type { RingBasis } from "@gmr-conv/core/bases";
import type { RingInitializer } from "@gmr-conv/tfjs";
import type {
  Block,
  ConvKind,
  Defaults,
  FieldOfView,
  GlobalPooling,
  OddSides,
  Pooling,
} from "./networkOptions.ts";

export interface ResNetOptions {
  /** Default `ours`: the defaults below. */
  defaults?: Defaults | undefined;
  /**
   * Height, width and channels of images, or depth, height, width and channels of volumes. A null size stands for any
   * size.
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
  /** Per stage: keep the size of the maps and dilate all later kernels instead. Default: nowhere. */
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
  /** The coordinates that ring weights are trained in, see `GmrConvArgs` of `@gmr-conv/tfjs`. Default `halfWhite`. */
  ringBasis?: RingBasis | undefined;
  /**
   * Initial weights of ring convolutions. Default `white`; with the basis `rings`, `kaimingNormal` as in the official
   * 2-D networks.
   */
  kernelInitializer?: RingInitializer | undefined;
  /** Apply weight decay to the widths of the mixtures. Default false. */
  decaySigma?: boolean | undefined;
  /** Start every residual branch at zero. Default false. */
  zeroInitResidual?: boolean | undefined;
  /** Rings per stage; default: those of the kernel size. */
  numRings?: readonly number[] | undefined;
  /** Seed of the initial weights; default: different ones each time. */
  seed?: number | undefined;
  /** The model's name; default `gmr-resnet` or `dense-resnet`. */
  name?: string | undefined;
  /** The official network whose layer names are used. Default `resnet`. */
  layerNames?: "resnet" | "r3d" | undefined;
}

/** The names of all options. */
export const RESNET_OPTIONS: KeysOf<ResNetOptions> = {
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
  kernelInitializer: true,
  decaySigma: true,
  zeroInitResidual: true,
  numRings: true,
  seed: true,
  name: true,
  layerNames: true,
};
