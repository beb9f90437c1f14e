/**
 * One loop for every geometric transform: each output pixel is looked up in the source image through the inverse map
 * and interpolated bilinearly; whatever lies outside the source counts as 0. A point at offset p from the image
 * centre ((H−1)/2, (W−1)/2) moves to `scale · rot(p) + (dx, dy)`.
 */
import { GmrError } from "@gmr-conv/core";
import { type ImageShape, imageSize } from "./imageSet.ts";

/** A move of each image; one number stands for all images of the batch, a list gives one per image. */
export interface AffineMoves {
  /** Counter-clockwise turn about the centre, in degrees, default 0. */
  degrees?: number | ArrayLike<number>;
  /** Magnification about the centre, positive, default 1. */
  scale?: number | ArrayLike<number>;
  /** Shift to the right in pixels, fractions allowed, default 0. */
  dx?: number | ArrayLike<number>;
  /** Shift down in pixels, fractions allowed, default 0. */
  dy?: number | ArrayLike<number>;
}

/**
 * Turns, scales and shifts each image of a batch (bilinear, zero fill). Turns by multiples of 90° of square images
 * and shifts by whole pixels are exact.
 *
 * @param batch [N, H, W, C] flat; left as it is.
 * @returns A new array of the same size.
 * @throws GmrError `invalid-shape` when `batch` is no whole number of images or a list has not N entries;
 *   `invalid-argument` for numbers that are not finite and scales that are not positive.
 */
export function affineImages(batch: Float32Array, shape: ImageShape, moves: AffineMoves): Float32Array {
  const count = countImages(batch, shape);
  const degrees = perImage("degrees", moves.degrees ?? 0, count);
  const scale = perImage("scale", moves.scale ?? 1, count);
  const dx = perImage("dx", moves.dx ?? 0, count);
  const dy = perImage("dy", moves.dy ?? 0, count);
  const [height, width, channels] = shape;
  const frame = new Float32Array((height + 2) * (width + 2) * channels);
  const out = new Float32Array(batch.length);
  for (let n = 0; n < count; n++) {
    if (scale(n) <= 0) {
      throw new GmrError("invalid-argument", `scale ${scale(n)}, expected a positive number`);
    }
    const [cos, sin] = cosSin(degrees(n));
    const base = n * imageSize(shape);
    copyToFrame(batch, base, shape, frame);
    resample(frame, out, base, shape, cos / scale(n), sin / scale(n), dx(n), dy(n));
  }
  return out;
}

/**
 * The number of images in a batch.
 *
 * @throws GmrError `invalid-shape` for a bad shape or when `batch` is no whole number of such images.
 */
export function countImages(batch: Float32Array, shape: ImageShape): number {
  const size = imageSize(shape);
  if (!shape.every((extent) => Number.isInteger(extent) && extent > 0)) {
    throw new GmrError(
      "invalid-shape",
      `image shape [${shape.join(", ")}], expected positive integers [H, W, C]`,
    );
  }
  if (batch.length % size !== 0) {
    throw new GmrError(
      "invalid-shape",
      `batch of ${batch.length} numbers, expected a multiple of ${size} = ${shape.join("·")}`,
    );
  }
  return batch.length / size;
}

/** Copies the image at `base` into a frame one pixel larger on each side, whose border stays 0. */
function copyToFrame(
  batch: Float32Array,
  base: number,
  [height, width, channels]: ImageShape,
  frame: Float32Array,
): void {
  const rowSize = width * channels;
  for (let row = 0; row < height; row++) {
    const source = base + row * rowSize;
    frame.set(batch.subarray(source, source + rowSize), (row + 1) * (rowSize + 2 * channels) + channels);
  }
}

/**
 * One image, from its frame to `base` in `out`. With q the offset of an output pixel from the moved centre, the source
 * lies at `centre + [cos·qx − sin·qy, sin·qx + cos·qy]` (rows grow downwards; cos and sin include the factor 1/scale).
 */
function resample(
  frame: Float32Array,
  out: Float32Array,
  base: number,
  [height, width, channels]: ImageShape,
  cos: number,
  sin: number,
  dx: number,
  dy: number,
): void {
  const centreX = (width - 1) / 2;
  const centreY = (height - 1) / 2;
  const stride = (width + 2) * channels;
  for (let row = 0; row < height; row++) {
    const qy = row - centreY - dy;
    // In frame coordinates, where the image starts at 1.
    const rowX = centreX + 1 - sin * qy;
    const rowY = centreY + 1 + cos * qy;
    for (let column = 0; column < width; column++) {
      const qx = column - centreX - dx;
      const x = rowX + cos * qx;
      const y = rowY + sin * qx;
      if (!(x >= 0 && y >= 0 && x < width + 1 && y < height + 1)) continue;
      const x0 = x | 0;
      const y0 = y | 0;
      const right = x - x0;
      const below = y - y0;
      const source = y0 * stride + x0 * channels;
      const target = base + (row * width + column) * channels;
      for (let c = 0; c < channels; c++) {
        const a = frame[source + c];
        const b = frame[source + stride + c];
        const above = a + (frame[source + channels + c] - a) * right;
        const under = b + (frame[source + stride + channels + c] - b) * right;
        out[target + c] = above + (under - above) * below;
      }
    }
  }
}

/** Cosine and sine, exact at multiples of 90°. */
function cosSin(degrees: number): [cos: number, sin: number] {
  const turn = ((degrees % 360) + 360) % 360;
  const quarters = [
    [1, 0],
    [0, 1],
    [-1, 0],
    [0, -1],
  ] as const;
  if (turn % 90 === 0) return [...quarters[(turn / 90) % 4]];
  const radians = (turn * Math.PI) / 180;
  return [Math.cos(radians), Math.sin(radians)];
}

function perImage(name: string, value: number | ArrayLike<number>, count: number): (n: number) => number {
  const list = typeof value === "number" ? [value] : value;
  if (typeof value !== "number" && list.length !== count) {
    throw new GmrError("invalid-shape", `${name} for ${list.length} images, expected ${count}`);
  }
  for (let n = 0; n < list.length; n++) {
    if (!Number.isFinite(list[n])) {
      throw new GmrError("invalid-argument", `${name} ${list[n]}, expected a finite number`);
    }
  }
  return typeof value === "number" ? () => value : (n) => list[n];
}
