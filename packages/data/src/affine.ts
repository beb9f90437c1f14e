/**
 * Turns, scales and shifts of images. A point at offset p from the image centre ((H−1)/2, (W−1)/2) moves to
 * `scale · rot(p) + (dx, dy)`.
 */
import { checkKeys, describeValue, GmrError, type KeysOf } from "@gmr-conv/core";
import { imageSize, type SampleShape } from "./imageSet.ts";
import { planSampling, SAMPLING_KEYS, type SamplingOptions } from "./sampling.ts";
import { turnMatrix } from "./turnMatrix.ts";
import { LinearWarp, type Warp, warpInto } from "./warp.ts";

/** How each image moves: a number for all images of the batch, or a list with one per image. */
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

export interface WarpOptions extends SamplingOptions {
  /** Sizes of the results, cropped or padded around the centre; default: those of the images. */
  size?: readonly number[] | undefined;
}

const MOVES: KeysOf<AffineMoves> = { degrees: true, scale: true, dx: true, dy: true };

export const WARP_KEYS: KeysOf<WarpOptions> = { ...SAMPLING_KEYS, size: true };

/**
 * Turns, scales and shifts each image of a batch. Multiples of 90° (square images) and whole-pixel shifts are exact.
 *
 * @param batch [N, H, W, C] flat, not changed
 * @returns a new array, [N, ...size, C]
 * @throws GmrError `invalid-shape` unless `batch` is a whole number of images and lists have N entries;
 *   `invalid-argument` for numbers that are not finite, scales that are not positive and invalid options
 */
export function affineImages(
  batch: Float32Array,
  shape: SampleShape,
  moves: AffineMoves,
  options: WarpOptions = {},
): Float32Array {
  checkPlane(shape, "turned, scaled or shifted by affineImages");
  checkKeys("the moves of affineImages", moves, MOVES);
  checkKeys("the options of affineImages", options, WARP_KEYS);
  const count = countImages(batch, shape);
  const degrees = perImage("degrees", moves.degrees ?? 0, count);
  const scale = perImage("scale", moves.scale ?? 1, count);
  const dx = perImage("dx", moves.dx ?? 0, count);
  const dy = perImage("dy", moves.dy ?? 0, count);
  return warpImages(
    batch,
    shape,
    (n) => {
      if (scale(n) <= 0) {
        throw new GmrError("invalid-argument", `scale ${scale(n)}, expected a positive number`);
      }
      const matrix = turnMatrix(2, [0, 1], degrees(n)).map((entry) => entry / scale(n));
      return {
        matrix,
        offset: [-matrix[0] * dy(n) - matrix[1] * dx(n), -matrix[2] * dy(n) - matrix[3] * dx(n)],
      };
    },
    options,
  );
}

/**
 * Reads each image or volume of a batch through its own inverse map.
 *
 * @param batch [N, ...sizes, C] flat, not changed
 * @returns a new array, [N, ...size, C]
 * @throws GmrError `invalid-shape` unless `batch` is a whole number of images, `invalid-argument` for invalid options
 */
export function warpImages(
  batch: Float32Array,
  shape: SampleShape,
  warpOf: (n: number) => Warp,
  options: WarpOptions = {},
): Float32Array {
  checkKeys("the options of warpImages", options, WARP_KEYS);
  const count = countImages(batch, shape);
  const sizes = shape.slice(0, -1);
  const channels = shape[sizes.length];
  const outSizes = checkSize(options.size ?? sizes, sizes.length);
  const sampling = planSampling(options, channels);
  const each = imageSize([...outSizes, channels]);
  const out = new Float32Array(count * each);
  const fast =
    sizes.length === 2 && sampling.interpolation === "linear" && typeof sampling.fill !== "string"
      ? new LinearWarp([sizes[0], sizes[1]], sampling.fill)
      : undefined;
  for (let n = 0; n < count; n++) {
    const from = n * imageSize(shape);
    if (fast) fast.run(batch, from, out, n * each, [outSizes[0], outSizes[1]], warpOf(n));
    else warpInto(batch, from, sizes, channels, out, n * each, outSizes, warpOf(n), sampling);
  }
  return out;
}

/**
 * {@link warpImages} for masks, [N, ...sizes] flat: each position takes the nearest label.
 * @param outside the label beyond the image, unless `fill` is `"reflect"` or `"replicate"`
 */
export function warpLabels(
  labels: Int32Array,
  sizes: readonly number[],
  warpOf: (n: number) => Warp,
  options: WarpOptions,
  outside: number,
): Int32Array {
  const { size, fill } = checkKeys("the options of warpLabels", options, WARP_KEYS);
  const outSizes = checkSize(size ?? sizes, sizes.length);
  const each = imageSize(outSizes);
  const count = labels.length / imageSize(sizes);
  const sampling = planSampling(
    { interpolation: "nearest", fill: typeof fill === "string" ? fill : outside },
    1,
  );
  const out = new Int32Array(count * each);
  for (let n = 0; n < count; n++) {
    warpInto(labels, n * imageSize(sizes), sizes, 1, out, n * each, outSizes, warpOf(n), sampling);
  }
  return out;
}

function checkSize(size: readonly number[], rank: number): readonly number[] {
  if (size.length === rank && size.every((n) => Number.isInteger(n) && n > 0)) return size;
  throw new GmrError(
    "invalid-argument",
    `size must be ${rank} positive integers, got ${describeValue(size)}`,
  );
}

/** @param what volumes cannot be @throws GmrError `invalid-shape` for volumes */
export function checkPlane(shape: SampleShape, what: string): void {
  if (shape.length === 3) return;
  throw new GmrError(
    "invalid-shape",
    `image shape [${shape}], expected [H, W, C]: volumes cannot be ${what}`,
  );
}

/**
 * The number of images in a batch.
 *
 * @throws GmrError `invalid-shape` for an invalid shape, or unless `batch` is a whole number of such images
 */
export function countImages(batch: Float32Array, shape: SampleShape): number {
  const size = imageSize(shape);
  const ranked = shape.length === 3 || shape.length === 4;
  if (!ranked || !shape.every((extent) => Number.isInteger(extent) && extent > 0)) {
    throw new GmrError(
      "invalid-shape",
      `image shape [${shape.join(", ")}], expected positive integers [H, W, C] or [D, H, W, C]`,
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
