// Turning and mirroring images, and measuring how well a function keeps these symmetries.
//
// The square's symmetries are exact on a pixel grid: four quarter turns, each with or without a mirror, the
// dihedral group of order 8. A function f from images to images is equivariant if f(g x) = g f(x) for all g,
// a function to anything else is invariant if f(g x) = f(x). Other angles need interpolation and are judged by
// the accuracy of a whole network over a curve of angles; see `summarizeAngles`.

import { product } from "./axes.ts";
import { checkLength, describeValue, GmrError } from "./errors.ts";

/** [N, H, W, C]. */
export type ImageShape = readonly [batch: number, height: number, width: number, channels: number];

/** Any array of numbers that can copy itself: typed arrays and plain arrays. */
export interface NumberArray {
  readonly length: number;
  [index: number]: number;
  slice(): this;
}

/** Images as a flat array in the order of `shape`. */
export interface ImageBatch<A extends NumberArray> {
  image: A;
  shape: ImageShape;
}

/** An element of the dihedral group of the square: a mirror from left to right, or none, then quarter turns. */
export interface DihedralElement {
  readonly name: string;
  readonly mirrored: boolean;
  /** Quarter turns counter-clockwise, 0 to 3. */
  readonly turns: number;
}

/** The 8 symmetries of the square; the first is the identity. */
export const DIHEDRAL_GROUP: readonly DihedralElement[] = [
  { name: "identity", mirrored: false, turns: 0 },
  { name: "90°", mirrored: false, turns: 1 },
  { name: "180°", mirrored: false, turns: 2 },
  { name: "270°", mirrored: false, turns: 3 },
  { name: "mirror", mirrored: true, turns: 0 },
  { name: "mirror, 90°", mirrored: true, turns: 1 },
  { name: "mirror, 180°", mirrored: true, turns: 2 },
  { name: "mirror, 270°", mirrored: true, turns: 3 },
];

/**
 * Turns images counter-clockwise by quarter turns (as numpy.rot90 over the axes H, W).
 *
 * @param image [N, H, W, C]
 * @param turns any integer
 * @returns a turned copy; height and width are exchanged for odd `turns`
 * @throws GmrError `invalid-shape` if the array's length is not that of `shape`, `invalid-argument` if `turns` is
 *   not an integer
 */
export function rot90<A extends NumberArray>(image: A, shape: ImageShape, turns: number): ImageBatch<A> {
  if (!Number.isSafeInteger(turns)) {
    throw new GmrError("invalid-argument", `turns must be an integer, got ${describeValue(turns)}`);
  }
  const [batch, height, width, channels] = shape;
  switch (((turns % 4) + 4) % 4) {
    case 1:
      return move(image, shape, [batch, width, height, channels], (h, w) => [w, width - 1 - h]);
    case 2:
      return move(image, shape, shape, (h, w) => [height - 1 - h, width - 1 - w]);
    case 3:
      return move(image, shape, [batch, width, height, channels], (h, w) => [height - 1 - w, h]);
    default:
      return move(image, shape, shape, (h, w) => [h, w]);
  }
}

/**
 * Mirrors images along one axis.
 *
 * @param image [N, H, W, C]
 * @param axis 1 turns images upside down, 2 exchanges left and right
 * @throws GmrError `invalid-shape` if the array's length is not that of `shape`, `invalid-argument` for another axis
 */
export function flip<A extends NumberArray>(image: A, shape: ImageShape, axis: 1 | 2): ImageBatch<A> {
  const [, height, width] = shape;
  if (axis === 1) return move(image, shape, shape, (h, w) => [height - 1 - h, w]);
  if (axis === 2) return move(image, shape, shape, (h, w) => [h, width - 1 - w]);
  throw new GmrError("invalid-argument", `axis must be 1 (height) or 2 (width), got ${describeValue(axis)}`);
}

/**
 * Applies a symmetry of the square to images.
 *
 * @param image [N, H, W, C]
 * @throws GmrError `invalid-shape` if the array's length is not that of `shape`
 */
export function transformImage<A extends NumberArray>(
  image: A,
  shape: ImageShape,
  element: DihedralElement,
): ImageBatch<A> {
  const mirrored = element.mirrored ? flip(image, shape, 2) : { image, shape };
  return rot90(mirrored.image, mirrored.shape, element.turns);
}

/** The error of one symmetry. */
export interface SymmetryError {
  element: string;
  /** As {@link maxRelativeError}. */
  error: number;
}

/** The errors of every symmetry tried, and the largest of them. */
export interface SymmetryReport {
  worst: number;
  errors: SymmetryError[];
}

/**
 * How far a function from images to images is from equivariance: for each g the error of f(g x) against g f(x).
 *
 * @param f maps images [N, H, W, C] to images, perhaps of another size; may be asynchronous
 * @param elements the symmetries to try, by default all 8 of the square
 * @throws GmrError `invalid-shape` if f(g x) and g f(x) differ in shape
 */
export async function equivarianceError<A extends NumberArray, B extends NumberArray>(
  f: (image: A, shape: ImageShape) => ImageBatch<B> | Promise<ImageBatch<B>>,
  image: A,
  shape: ImageShape,
  elements: readonly DihedralElement[] = DIHEDRAL_GROUP,
): Promise<SymmetryReport> {
  const plain = await f(image, shape);
  return collect(elements, async (element) => {
    const input = transformImage(image, shape, element);
    const actual = await f(input.image, input.shape);
    const expected = transformImage(plain.image, plain.shape, element);
    if (actual.shape.join() !== expected.shape.join()) {
      throw new GmrError(
        "invalid-shape",
        `after ${element.name} the output should have shape ${describeValue(expected.shape)}, ` +
          `got ${describeValue(actual.shape)}`,
      );
    }
    return maxRelativeError(actual.image, expected.image);
  });
}

/**
 * How far a function of images is from invariance: for each g the error of f(g x) against f(x).
 *
 * @param f maps images [N, H, W, C] to numbers, for example logits; may be asynchronous
 * @param elements the symmetries to try, by default all 8 of the square
 * @throws GmrError `invalid-shape` if f(g x) and f(x) differ in length
 */
export async function invarianceError<A extends NumberArray>(
  f: (image: A, shape: ImageShape) => ArrayLike<number> | Promise<ArrayLike<number>>,
  image: A,
  shape: ImageShape,
  elements: readonly DihedralElement[] = DIHEDRAL_GROUP,
): Promise<SymmetryReport> {
  const expected = await f(image, shape);
  return collect(elements, async (element) => {
    const input = transformImage(image, shape, element);
    return maxRelativeError(await f(input.image, input.shape), expected);
  });
}

/**
 * max |actual - expected| / max |expected|: 0 if both are 0 throughout, infinite if only `expected` is, NaN if
 * either holds NaN.
 *
 * @throws GmrError `invalid-shape` if the lengths differ
 */
export function maxRelativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  checkLength("actual", actual, expected.length, "as many as expected");
  let difference = 0;
  let scale = 0;
  for (let i = 0; i < expected.length; i++) {
    difference = Math.max(difference, Math.abs(actual[i] - expected[i]));
    scale = Math.max(scale, Math.abs(expected[i]));
  }
  return difference === 0 ? 0 : difference / scale;
}

/** The accuracy of a network on images turned by an angle. */
export interface AngleAccuracy {
  /** Degrees. */
  angle: number;
  /** 0 to 1, or percent; the summary has the same unit. */
  accuracy: number;
}

/** What a curve of accuracy over angles comes down to. */
export interface AngleSummary {
  /** Accuracy at angle 0. */
  upright: number;
  /** Mean over all angles of the curve, 0 included. */
  mean: number;
  worst: number;
  worstAngle: number;
  /** upright - worst: what turning costs at most. */
  drop: number;
}

/**
 * Summarises accuracies over angles.
 * @throws GmrError `invalid-data` if there is no upright entry (angle 0 or a multiple of 360) or a value is not finite
 */
export function summarizeAngles(curve: readonly AngleAccuracy[]): AngleSummary {
  const upright = curve.find(({ angle }) => angle % 360 === 0);
  if (!upright) throw new GmrError("invalid-data", "the accuracy curve must have an entry for angle 0");
  for (const { angle, accuracy } of curve) {
    if (!Number.isFinite(angle) || !Number.isFinite(accuracy)) {
      throw new GmrError("invalid-data", `accuracies must be finite, got ${accuracy} at angle ${angle}`);
    }
  }
  const worst = curve.reduce((a, b) => (b.accuracy < a.accuracy ? b : a));
  return {
    upright: upright.accuracy,
    mean: curve.reduce((sum, { accuracy }) => sum + accuracy, 0) / curve.length,
    worst: worst.accuracy,
    worstAngle: worst.angle,
    drop: upright.accuracy - worst.accuracy,
  };
}

async function collect(
  elements: readonly DihedralElement[],
  errorOf: (element: DihedralElement) => Promise<number>,
): Promise<SymmetryReport> {
  const errors: SymmetryError[] = [];
  for (const element of elements) errors.push({ element: element.name, error: await errorOf(element) });
  return { worst: Math.max(...errors.map(({ error }) => error)), errors };
}

/** A copy of `image` in which each pixel (h, w) comes from `source(h, w)`. */
function move<A extends NumberArray>(
  image: A,
  shape: ImageShape,
  newShape: ImageShape,
  source: (h: number, w: number) => readonly [h: number, w: number],
): ImageBatch<A> {
  checkLength("image", image, product(shape), describeValue(shape));
  const [batch, height, width, channels] = shape;
  const [, newHeight, newWidth] = newShape;
  const moved = image.slice();
  for (let n = 0; n < batch; n++) {
    for (let h = 0; h < newHeight; h++) {
      for (let w = 0; w < newWidth; w++) {
        const [fromH, fromW] = source(h, w);
        const from = ((n * height + fromH) * width + fromW) * channels;
        const to = ((n * newHeight + h) * newWidth + w) * channels;
        for (let c = 0; c < channels; c++) moved[to + c] = image[from + c];
      }
    }
  }
  return { image: moved, shape: newShape };
}
