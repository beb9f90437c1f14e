/** Images and masks as pictures in the report. */

import type { SampleShape } from "@gmr-conv/data";
import { pngDataUri } from "./png.ts";

/** An image [H, W, C] from 0 to 1, or the middle slice of a volume, as a data URI. */
export function imagePicture(image: Float32Array, shape: SampleShape): string {
  const [height, width, channels] = shape.slice(-3);
  const slices = shape.length === 4 ? shape[0] : 1;
  const from = Math.floor(slices / 2) * height * width * channels;
  const rgba = new Uint8Array(height * width * 4).fill(255);
  for (let i = 0; i < height * width; i++) {
    for (let c = 0; c < 3; c++) {
      const value = image[from + i * channels + (channels >= 3 ? c : 0)];
      rgba[4 * i + c] = Math.round(255 * Math.min(1, Math.max(0, value)));
    }
  }
  return pngDataUri(width, height, rgba);
}

/** Colours of the classes, the background first; the others repeat. */
const COLOURS = [
  [20, 22, 28],
  [255, 159, 90],
  [86, 160, 255],
  [79, 208, 172],
  [215, 155, 230],
  [240, 220, 90],
];

/** A mask [H, W], or the middle slice of a volume's, as a data URI. Negative numbers are transparent. */
export function maskPicture(mask: ArrayLike<number>, sizes: readonly number[]): string {
  const [height, width] = sizes.slice(-2);
  const slices = sizes.length === 3 ? sizes[0] : 1;
  const from = Math.floor(slices / 2) * height * width;
  const rgba = new Uint8Array(height * width * 4);
  for (let i = 0; i < height * width; i++) {
    const label = mask[from + i];
    if (label < 0) continue;
    rgba.set([...COLOURS[label === 0 ? 0 : 1 + ((label - 1) % (COLOURS.length - 1))], 255], 4 * i);
  }
  return pngDataUri(width, height, rgba);
}
