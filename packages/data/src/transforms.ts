/** Geometric transforms of batches [N, ...sizes, C]; each returns a new array. */
import {
  checkFinite,
  checkFits,
  checkKeys,
  describeValue,
  GmrError,
  type KeysOf,
  oneOf,
} from "@gmr-conv/core";
import { affineImages, checkPlane, countImages, WARP_KEYS, type WarpOptions, warpImages } from "./affine.ts";
import { imageSize, type SampleShape } from "./imageSet.ts";
import { turnMatrix } from "./turnMatrix.ts";
import type { Warp } from "./warp.ts";

/** The axis that volumes are turned about. */
export type TurnAxis = "D" | "H" | "W";

/** The plane of a turn about each axis, as the axes that point down and right. */
const PLANES: Readonly<Record<TurnAxis, readonly [number, number]>> = { D: [1, 2], H: [0, 2], W: [0, 1] };

interface RotateOptions extends WarpOptions {
  axis?: TurnAxis | undefined;
}

const ROTATE_KEYS: KeysOf<RotateOptions> = { ...WARP_KEYS, axis: true };

/**
 * Turns every image counter-clockwise (rows growing downwards) about its centre ((H−1)/2, (W−1)/2), or every
 * volume about an axis through its centre. Multiples of 90° permute the pixels of square images exactly; 90° is
 * `rot90`.
 *
 * @param options `axis` of volumes (default `"D"`); how to read between pixels (default linearly), what to fill the
 *   corners with (`fill`, default 0: black), and the size to crop to (default: that of the images)
 * @throws GmrError `invalid-shape`, `invalid-argument` as {@link affineImages}
 *
 * @example
 * rotateImages(images, [64, 64, 3], 30); // corners are black
 * rotateImages(slides, [64, 64, 3], 30, { fill: [0.95, 0.94, 0.96] }); // a colour: a number, or one per channel
 * rotateImages(photos, [64, 64, 3], 30, { fill: "reflect" }); // from the border: "reflect" or "replicate"
 * rotateImages(volumes, [32, 64, 64, 1], 30, { axis: "H" });
 */
export function rotateImages(
  batch: Float32Array,
  shape: SampleShape,
  degrees: number,
  options: RotateOptions = {},
): Float32Array {
  const { axis, ...warping } = checkKeys("the options of rotateImages", options, ROTATE_KEYS);
  const warp = turnOf(shape, degrees, axis);
  return warpImages(batch, shape, () => warp, warping);
}

/** The inverse map of a turn. @throws GmrError `invalid-argument` */
export function turnOf(shape: SampleShape, degrees: number, axis: TurnAxis = "D"): Warp {
  checkFinite("degrees", degrees);
  const rank = shape.length - 1;
  const plane = rank === 2 ? ([0, 1] as const) : PLANES[oneOf("axis", axis, ["D", "H", "W"])];
  return { matrix: turnMatrix(rank, plane, degrees), offset: new Float64Array(rank) };
}

/**
 * Shifts every image to the right (`dx`) and down (`dy`), bilinear with zero fill.
 *
 * @param dx pixels, one number for all images or one per image; whole numbers move pixels exactly
 * @throws GmrError `invalid-shape`, `invalid-argument` as {@link affineImages}
 */
export function translateImages(
  batch: Float32Array,
  shape: SampleShape,
  dx: number | ArrayLike<number>,
  dy: number | ArrayLike<number>,
): Float32Array {
  return affineImages(batch, shape, { dx, dy });
}

/** Swaps left and right, top and bottom, or front and back (volumes). */
export type FlipDirection = "horizontal" | "vertical" | "depth";

/** The axis that a flip reverses, counted from the last size. */
export const FLIPPED_AXIS: Readonly<Record<FlipDirection, number>> = { horizontal: 1, vertical: 2, depth: 3 };

/**
 * Mirrors every image.
 *
 * @throws GmrError `invalid-shape` unless `batch` is a whole number of images, `invalid-argument` for a direction
 *   they lack
 */
export function flipImages(batch: Float32Array, shape: SampleShape, direction: FlipDirection): Float32Array {
  countImages(batch, shape);
  oneOf(
    "direction",
    direction,
    shape.length === 4 ? ["horizontal", "vertical", "depth"] : ["horizontal", "vertical"],
  );
  const axis = shape.length - 1 - FLIPPED_AXIS[direction];
  const out = new Float32Array(batch.length);
  reverseAxis(batch, out, shape[axis], imageSize(shape.slice(axis + 1)));
  return out;
}

/** Reverses an axis of a flat array: `length` blocks of `inner` numbers each. */
function reverseAxis<T extends Float32Array | Int32Array>(
  from: T,
  to: T,
  length: number,
  inner: number,
): void {
  const row = length * inner;
  for (let start = 0; start < from.length; start += row) {
    for (let i = 0; i < length; i++) {
      const [at, target] = [start + i * inner, start + (length - 1 - i) * inner];
      if (inner > 16) to.set(from.subarray(at, at + inner), target);
      else for (let k = 0; k < inner; k++) to[target + k] = from[at + k];
    }
  }
}

/** Pixels to add on each side. */
export interface Padding {
  top: number;
  bottom: number;
  left: number;
  right: number;
}

const SIDES: KeysOf<Padding> = { top: true, bottom: true, left: true, right: true };

/**
 * Surrounds every image with zeros.
 *
 * @param padding pixels per side, or one number for all four
 * @returns the larger images and their shape
 * @throws GmrError `invalid-shape` for an invalid batch, `invalid-argument` unless padding is an integer ≥ 0 that
 *   fits
 */
export function padImages(
  batch: Float32Array,
  shape: SampleShape,
  padding: number | Padding,
): { images: Float32Array; shape: SampleShape } {
  checkPlane(shape, "padded");
  const count = countImages(batch, shape);
  const { top, bottom, left, right } = sides(padding);
  const [height, width, channels] = shape;
  const padded: SampleShape = [height + top + bottom, width + left + right, channels];
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
    typeof padding === "number"
      ? { top: padding, bottom: padding, left: padding, right: padding }
      : checkKeys("the sides of padImages", padding, SIDES);
  for (const [side, pixels] of Object.entries(all)) {
    if (!Number.isInteger(pixels) || pixels < 0) {
      throw new GmrError("invalid-argument", `padding ${side} ${pixels}, expected a non-negative integer`);
    }
  }
  return all;
}
