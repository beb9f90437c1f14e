// What the page and its worker say about an image and its masks. Without TensorFlow.js, for the page.

import type { PerNetwork, Pose } from "../../engine/types.ts";

/** Sides of the image, and of the part of it that the networks see: at every angle, all of it comes from the image. */
export const SOURCE = 256;
export const SIDE = 176;

/** An image as the networks take it. */
export interface Source {
  /** [256 · 256], from 0 for black to 1 for white. */
  pixels: Float32Array;
  /** [256 · 256] 1 for nuclei, as people marked them, if that is known. */
  truth?: Float32Array | undefined;
}

/** Bits of {@link Mask.bits}. */
export const IN_MASK = 1;
export const IN_UPRIGHT = 2;

/** One network's mask of an image in some pose. */
export interface Mask {
  /** [176 · 176]: whether each pixel is in the mask, and in the mask of the upright image, turned like the image. */
  bits: Uint8Array;
  /** Dice of these two, within the inscribed disc, which turns do not cut. */
  agreement: number;
  /** Dice with what people marked, within the disc. */
  truth?: number | undefined;
  milliseconds: number;
}

export interface Look {
  pose: Pose;
  /** [176 · 176], as the networks see it. */
  seen: Float32Array;
  masks: PerNetwork<Mask>;
}

export const UPRIGHT: Pose = { degrees: 0, mirrorX: false, mirrorY: false };
