/** Geometric transforms of image batches [N, H, W, C]; each returns a new array and leaves the batch as it is. */
import { checkFits, describeValue, GmrError } from "@gmr-conv/core";
import { affineImages, countImages } from "./affine.ts";
import { type ImageShape, imageSize } from "./imageSet.ts";

/**
 * Turns every image counter-clockwise (as seen, rows growing downwards) about its centre ((H−1)/2, (W−1)/2), bilinear
 * with zero fill. Multiples of 90° of square images are exact permutations; 90° is `rot90`.
 *
 * @throws GmrError `invalid-shape`, `invalid-argument` as {@link affineImages}.
 */
export function rotateImages(batch: Float32Array, shape: ImageShape, degrees: number): Float32Array {
  return affineImages(batch, shape, { degrees });
}

/**
 * Shifts every image by its own number of pixels, to the right (`dx`) and down (`dy`), bilinear with zero fill.
 *
 * @param dx One number for all images or one per image; whole numbers move pixels exactly.
 * @throws GmrError `invalid-shape`, `invalid-argument` as {@link affineImages}.
 */
export function translateImages(
  batch: Float32Array,
  shape: ImageShape,
  dx: number | ArrayLike<number>,
  dy: number | ArrayLike<number>,
): Float32Array {
  return affineImages(batch, shape, { dx, dy });
}

/**
 * Mirrors every image: "horizontal" swaps left and right, "vertical" swaps top and bottom.
 *
 * @throws GmrError `invalid-shape` when `batch` is no whole number of images.
 */
export function flipImages(
  batch: Float32Array,
  shape: ImageShape,
  direction: "horizontal" | "vertical",
): Float32Array {
  const rows = countImages(batch, shape) * shape[0];
  const [height, width, channels] = shape;
  const rowSize = width * channels;
  const out = new Float32Array(batch.length);
  for (let row = 0; row < rows; row++) {
    if (direction === "vertical") {
      const within = row % height;
      const source = (row - within + height - 1 - within) * rowSize;
      out.set(batch.subarray(source, source + rowSize), row * rowSize);
      continue;
    }
    for (let column = 0; column < width; column++) {
      const source = row * rowSize + (width - 1 - column) * channels;
      for (let c = 0; c < channels; c++) out[row * rowSize + column * channels + c] = batch[source + c];
    }
  }
  return out;
}

/** Pixels to add on each side. */
export interface Padding {
  top: number;
  bottom: number;
  left: number;
  right: number;
}

/**
 * Surrounds every image with zeros.
 *
 * @param padding Pixels per side, or one number for all four.
 * @returns The larger images and their shape.
 * @throws GmrError `invalid-shape` for a bad batch, `invalid-argument` for a padding that is negative, no integer or too large.
 */
export function padImages(
  batch: Float32Array,
  shape: ImageShape,
  padding: number | Padding,
): { images: Float32Array; shape: ImageShape } {
  const count = countImages(batch, shape);
  const { top, bottom, left, right } = sides(padding);
  const [height, width, channels] = shape;
  const padded: ImageShape = [height + top + bottom, width + left + right, channels];
  const numbers = count * imageSize(padded);
  checkFits(`padding ${describeValue(Object.values(sides(padding)))}`, numbers, "numbers");
  const images = new Float32Array(numbers);
  const rowSize = width * channels;
  for (let row = 0; row < count * height; row++) {
    const image = Math.floor(row / height);
    const targetRow = image * padded[0] + top + (row % height);
    const target = (targetRow * padded[1] + left) * channels;
    images.set(batch.subarray(row * rowSize, (row + 1) * rowSize), target);
  }
  return { images, shape: padded };
}

function sides(padding: number | Padding): Padding {
  const all =
    typeof padding === "number" ? { top: padding, bottom: padding, left: padding, right: padding } : padding;
  for (const [side, pixels] of Object.entries(all)) {
    if (!Number.isInteger(pixels) || pixels < 0) {
      throw new GmrError("invalid-argument", `padding ${side} ${pixels}, expected a non-negative integer`);
    }
  }
  return all;
}
