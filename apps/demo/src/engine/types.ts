// What the page and its worker tell each other.

export type { ModelCard } from "@gmr-conv/models";
export type { LearnedKernels } from "@gmr-conv/models/inspect";

/** The networks shown side by side. */
export const NETWORKS = ["gmr", "dense"] as const;
export type NetworkName = (typeof NETWORKS)[number];
export type PerNetwork<T> = Record<NetworkName, T>;

export const BACKENDS = ["wasm", "webgpu", "cpu"] as const;
export type BackendName = (typeof BACKENDS)[number];

/** What computes at the moment. */
export interface BackendState {
  name: BackendName;
  threads: number;
  /** The GPU, as its driver describes it. */
  adapter?: string;
  /** Why another backend than the wanted one. */
  notice?: string;
  /** Why it is slower than it could be. */
  remark?: string;
}

/** How an image is turned and mirrored before the networks see it: mirrored first, then turned. */
export interface Pose {
  /** Counter-clockwise. */
  degrees: number;
  mirrorX: boolean;
  mirrorY: boolean;
}

/** What both networks say about one pose of an image. */
export interface Reading {
  degrees: number;
  /** [28 · 28], as the networks see it. */
  seen: Float32Array;
  /** Probabilities of the ten digits. */
  probabilities: PerNetwork<Float32Array>;
}

/** A channel of a layer's output, [height · width] each. */
export interface ChannelMaps {
  channel: number;
  /** Of the image as it came. */
  upright: Float32Array;
  /** Of the turned image, turned back. */
  back: Float32Array;
  /** `back - upright` */
  difference: Float32Array;
}

/** The strongest channels of a layer's output. */
export interface LayerMaps {
  width: number;
  height: number;
  channels: ChannelMaps[];
  /** The largest absolute value in all channels. */
  largest: number;
}

/** Errors as shares of the largest value. */
export interface Equivariance {
  /** The worst of quarter turns and mirror images. */
  exact: number;
  /** At the angle asked for. */
  turned: number;
  /** Of turning there and back alone, by interpolation. */
  interpolation: number;
}

/** A convolution of [1, size, size, channels] to as many channels. */
export interface MeasureOptions {
  kernelSizes: readonly number[];
  size: number;
  channels: number;
  /** The gradients too. */
  training: boolean;
}

/** Milliseconds at a kernel size k. */
export interface Measured extends PerNetwork<number> {
  k: number;
}
