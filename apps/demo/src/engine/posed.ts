// Images as they lie: mirrored first, then turned, exactly as in the evaluation of the networks.

import { flipImages, rotateImages } from "@gmr-conv/data";
import type { Pose } from "./types.ts";

const SIDE = 28;
export const SHAPE = [SIDE, SIDE, 1] as const;

/** @param image [28 · 28] */
export function posed(image: Float32Array, { degrees, mirrorX, mirrorY }: Pose): Float32Array {
  let pixels = image;
  if (mirrorX) pixels = flipImages(pixels, SHAPE, "horizontal");
  if (mirrorY) pixels = flipImages(pixels, SHAPE, "vertical");
  return rotateImages(pixels, SHAPE, degrees);
}
