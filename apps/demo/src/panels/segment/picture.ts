// Any picture as the networks take it: grey, bright nuclei on a dark ground, as bright as the training images.

import { GmrError } from "@gmr-conv/core";
import { SOURCE } from "./look.ts";

/** Shares of pixels that become black and white, as in training. */
const [LOW, HIGH] = [0.01, 0.998];
const LEAST_CONTRAST = 0.04;

/** [256 · 256] grey values from 0 to 1. @param picture is closed; other sizes are cropped to a square and scaled */
export function greyOf(picture: ImageBitmap): Float32Array {
  const context = new OffscreenCanvas(SOURCE, SOURCE).getContext("2d", { willReadFrequently: true });
  if (!context) throw new GmrError("unsupported", "this browser cannot draw in a worker (OffscreenCanvas)");
  context.fillStyle = "black"; // under transparent pixels
  context.fillRect(0, 0, SOURCE, SOURCE);
  context.imageSmoothingQuality = "high";
  const side = Math.min(picture.width, picture.height);
  const [x, y] = [(picture.width - side) / 2, (picture.height - side) / 2];
  context.drawImage(picture, x, y, side, side, 0, 0, SOURCE, SOURCE);
  picture.close();
  const { data } = context.getImageData(0, 0, SOURCE, SOURCE);
  return Float32Array.from(
    { length: SOURCE * SOURCE },
    (_, i) => (0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2]) / 255,
  );
}

/**
 * Stretches grey values to the whole range, and turns dark nuclei on a bright ground into bright ones on a dark one.
 * @throws GmrError `invalid-data` for a picture of one colour
 */
export function stretched(grey: Float32Array): { pixels: Float32Array; inverted: boolean } {
  const sorted = grey.slice().sort();
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))];
  const inverted = at(0.5) > 0.5;
  const [low, high] = inverted ? [1 - at(1 - LOW), 1 - at(1 - HIGH)] : [at(LOW), at(HIGH)];
  if (high - low < LEAST_CONTRAST) {
    throw new GmrError("invalid-data", "the picture has one colour: there is nothing to find in it");
  }
  const pixels = grey.map((value) => {
    const share = ((inverted ? 1 - value : value) - low) / (high - low);
    return Math.min(1, Math.max(0, share));
  });
  return { pixels, inverted };
}
