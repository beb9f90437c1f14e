// Turns and mirrors signals, images and volumes: exactly on the grid, or by any angle with interpolation.

import { product } from "../axes.ts";
import { checkFinite, checkKeys, checkLength, type KeysOf } from "../checks.ts";
import { describeValue, GmrError } from "../errors.ts";
import { checkFill, type Fill, mirroredIndex, nearestIndex } from "./fill.ts";
import type { Symmetry } from "./symmetry.ts";

/** [N, H, W, C]. */
export type ImageShape = readonly [batch: number, height: number, width: number, channels: number];

/** An array of numbers that can copy itself: a typed or a plain array. */
export interface NumberArray {
  readonly length: number;
  [index: number]: number;
  slice(): this;
}

/** Signals, images or volumes as a flat array in the order of `shape`, [N, ...spatial, C]. */
export interface ImageBatch<A extends NumberArray, S extends readonly number[] = readonly number[]> {
  image: A;
  shape: S;
}

/**
 * Applies a symmetry of the segment, square or cube.
 *
 * @param image [N, ...spatial, C] with as many spatial axes as `element.rank`
 * @returns a transformed copy; sizes are exchanged with their axes
 * @throws GmrError `invalid-shape` if the array's length is not that of `shape` or the number of axes does not fit
 */
export function transformImage<A extends NumberArray, S extends readonly number[]>(
  image: A,
  shape: S,
  element: Symmetry,
): ImageBatch<A, S> {
  if (shape.length !== element.rank + 2) {
    throw new GmrError(
      "invalid-shape",
      `shape must have ${element.rank} spatial axes for ${element.name}, got ${describeValue(shape)}`,
    );
  }
  return move(image, shape, element.axes, element.reversed);
}

/**
 * Turns images counter-clockwise by quarter turns (like numpy.rot90).
 *
 * @param image [N, ...spatial, C] with two or three spatial axes
 * @param turns any integer
 * @param plane two axes of `shape`, default H and W; a turn moves the end of the first to that of the second
 * @returns a turned copy; the sizes of the plane are exchanged for odd `turns`
 * @throws GmrError `invalid-shape` if the array's length is not that of `shape`, `invalid-argument` if `turns` is
 *   not an integer or the plane's axes are not two different spatial ones
 */
export function rot90<A extends NumberArray, S extends readonly number[]>(
  image: A,
  shape: S,
  turns: number,
  plane: readonly [number, number] = lastPlane(shape),
): ImageBatch<A, S> {
  if (!Number.isSafeInteger(turns)) {
    throw new GmrError("invalid-argument", `turns must be an integer, got ${describeValue(turns)}`);
  }
  const [a, b] = checkPlane(plane, shape);
  const turn = ((turns % 4) + 4) % 4;
  const axes = shape.slice(1, -1).map((_, axis) => axis);
  if (turn % 2 === 1) [axes[a], axes[b]] = [b, a];
  const reversed = axes.map(
    (_, axis) => (axis === a && (turn === 1 || turn === 2)) || (axis === b && turn > 1),
  );
  return move(image, shape, axes, reversed);
}

/**
 * Mirrors images along one axis.
 *
 * @param image [N, ...spatial, C]
 * @param axis of `shape`: for images, 1 turns them upside down, 2 exchanges left and right
 * @throws GmrError `invalid-shape` if the array's length is not that of `shape`, `invalid-argument` for another axis
 */
export function flip<A extends NumberArray, S extends readonly number[]>(
  image: A,
  shape: S,
  axis: number,
): ImageBatch<A, S> {
  const flipped = checkAxis("axis", axis, shape);
  const axes = shape.slice(1, -1).map((_, i) => i);
  return move(
    image,
    shape,
    axes,
    axes.map((i) => i === flipped),
  );
}

export interface TurnOptions {
  /** Two axes of `shape`, as for {@link rot90}; default H and W. */
  plane?: readonly [number, number] | undefined;
  /** What lies outside the images. Default 0. */
  fill?: Fill | undefined;
}

const TURN_KEYS: KeysOf<TurnOptions> = { plane: true, fill: true };

/**
 * Turns images counter-clockwise about their centre by any angle: bilinear interpolation in the plane of the turn.
 * Turns by multiples of 90° in a plane of equal sizes are exact.
 *
 * @param image [N, ...spatial, C] with two or three spatial axes
 * @param degrees any finite number
 * @returns a turned copy of the same shape
 * @throws GmrError `invalid-shape` if the array's length is not that of `shape`, `invalid-argument` if `degrees` is
 *   not finite, the plane's axes are not two different spatial ones, or for another fill
 *
 * @example
 * const slide = turnImage(pixels, [1, 256, 256, 3], 30, { fill: 1 }); // white corners
 */
export function turnImage<A extends NumberArray>(
  image: A,
  shape: readonly number[],
  degrees: number,
  options: TurnOptions = {},
): A {
  checkKeys("the options of turnImage", options, TURN_KEYS);
  checkFinite("degrees", degrees);
  const [a, b] = checkPlane(options.plane ?? lastPlane(shape), shape);
  checkLength("image", image, product(shape), describeValue(shape));
  const sizes = shape.slice(1, -1);
  const channels = shape[shape.length - 1];
  const fill = checkFill(options.fill ?? 0, channels);
  const insideOf = fill === "reflect" ? mirroredIndex : nearestIndex;
  const pixels = product(sizes);
  const strideA = product(sizes.slice(a + 1));
  const strideB = product(sizes.slice(b + 1));
  const [cos, sin] = cosSin(degrees);
  const turned = image.slice();
  for (let i = 0; i < turned.length; i++) turned[i] = 0;
  for (let pixel = 0; pixel < pixels; pixel++) {
    const indexA = Math.floor(pixel / strideA) % sizes[a];
    const indexB = Math.floor(pixel / strideB) % sizes[b];
    const others = pixel - indexA * strideA - indexB * strideB;
    // The pixel's place before the turn.
    const fromCentreA = indexA - (sizes[a] - 1) / 2;
    const fromCentreB = indexB - (sizes[b] - 1) / 2;
    const fromA = (sizes[a] - 1) / 2 + cos * fromCentreA + sin * fromCentreB;
    const fromB = (sizes[b] - 1) / 2 + cos * fromCentreB - sin * fromCentreA;
    for (let corner = 0; corner < 4; corner++) {
      const cornerA = Math.floor(fromA) + (corner >> 1);
      const cornerB = Math.floor(fromB) + (corner & 1);
      const weight = (1 - Math.abs(fromA - cornerA)) * (1 - Math.abs(fromB - cornerB));
      if (weight === 0) continue;
      const outside = cornerA < 0 || cornerB < 0 || cornerA >= sizes[a] || cornerB >= sizes[b];
      const colour = outside && typeof fill !== "string" ? fill : undefined;
      const [rowA, rowB] = [insideOf(cornerA, sizes[a]), insideOf(cornerB, sizes[b])];
      const source = others + rowA * strideA + rowB * strideB;
      for (let start = 0; start < image.length; start += pixels * channels) {
        const from = start + source * channels;
        const to = start + pixel * channels;
        for (let c = 0; c < channels; c++) turned[to + c] += weight * (colour ? colour[c] : image[from + c]);
      }
    }
  }
  return turned;
}

/** A copy of `image` with its spatial axes permuted and some of them reversed, as in {@link Symmetry}. */
function move<A extends NumberArray, S extends readonly number[]>(
  image: A,
  shape: S,
  axes: readonly number[],
  reversed: readonly boolean[],
): ImageBatch<A, S> {
  checkLength("image", image, product(shape), describeValue(shape));
  const sizes = shape.slice(1, -1);
  const channels = shape[shape.length - 1];
  const pixels = product(sizes);
  // The source of each pixel of the result, built up axis by axis.
  let sources = [0];
  axes.forEach((axis, i) => {
    const stride = product(sizes.slice(axis + 1));
    const offsets = Array.from({ length: sizes[axis] }, (_, index) => index * stride);
    if (reversed[i]) offsets.reverse();
    sources = sources.flatMap((source) => offsets.map((offset) => source + offset));
  });
  const moved = image.slice();
  for (let start = 0; start < image.length; start += pixels * channels) {
    sources.forEach((source, pixel) => {
      const from = start + source * channels;
      const to = start + pixel * channels;
      for (let c = 0; c < channels; c++) moved[to + c] = image[from + c];
    });
  }
  const newShape: readonly number[] = [shape[0], ...axes.map((axis) => sizes[axis]), channels];
  return { image: moved, shape: newShape as S }; // as many axes as before
}

function lastPlane(shape: readonly number[]): readonly [number, number] {
  return [shape.length - 3, shape.length - 2];
}

/** The plane's axes, counted among the spatial ones. */
function checkPlane(plane: readonly [number, number], shape: readonly number[]): [number, number] {
  const [a, b] = plane.map((axis) => checkAxis("plane", axis, shape));
  if (a !== b) return [a, b];
  throw new GmrError("invalid-argument", `plane must be two different axes, got ${describeValue(plane)}`);
}

/** An axis of `shape`, counted among the spatial ones. */
function checkAxis(name: string, axis: number, shape: readonly number[]): number {
  if (Number.isInteger(axis) && axis >= 1 && axis <= shape.length - 2) return axis - 1;
  throw new GmrError(
    "invalid-argument",
    `${name} must be a spatial axis, 1 to ${shape.length - 2}, got ${describeValue(axis)}`,
  );
}

/** Cosine and sine, exact at multiples of 90°. */
function cosSin(degrees: number): readonly [cos: number, sin: number] {
  const turn = ((degrees % 360) + 360) % 360;
  if (turn % 90 === 0) return [[1, 0, -1, 0][turn / 90], [0, 1, 0, -1][turn / 90]];
  return [Math.cos((turn * Math.PI) / 180), Math.sin((turn * Math.PI) / 180)];
}
