// Measures how well a function keeps the symmetries of a segment, square or cube.
//
// A function f from images to images is equivariant if f(g x) = g f(x) for all symmetries g; a function to anything
// else is invariant if f(g x) = f(x). Other angles need interpolation (`turnImage`), and a whole network can be judged
// by its accuracy over angles (`summarizeAngles`).

import { checkLength } from "../checks.ts";
import { describeValue, GmrError } from "../errors.ts";
import { type Symmetry, symmetryGroup } from "./symmetry.ts";
import { type ImageBatch, type NumberArray, transformImage } from "./transformImage.ts";

/** The error of one symmetry. */
export interface SymmetryError {
  element: string;
  /** As {@link maxRelativeError}. */
  error: number;
}

/** The error of every symmetry tried, and the largest. */
export interface SymmetryReport {
  worst: number;
  errors: SymmetryError[];
}

/**
 * How far a function from images to images is from equivariance: for each g the error of f(g x) against g f(x).
 *
 * @param f maps signals, images or volumes [N, ...spatial, C] to the same kind, perhaps of another size; may be
 *   asynchronous
 * @param elements the symmetries to try, by default all 2, 8 or 48 of the segment, square or cube
 * @throws GmrError `invalid-shape` if f(g x) and g f(x) differ in shape, or the array's length is not that of `shape`;
 *   `invalid-argument` without `elements`, if `shape` does not have one to three spatial axes
 */
export async function equivarianceError<
  A extends NumberArray,
  B extends NumberArray,
  S extends readonly number[],
>(
  f: (image: A, shape: S) => ImageBatch<B> | Promise<ImageBatch<B>>,
  image: A,
  shape: S,
  elements: readonly Symmetry[] = symmetryGroup(shape.length - 2),
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
 * @param f maps signals, images or volumes [N, ...spatial, C] to numbers, for example logits; may be asynchronous
 * @param elements the symmetries to try, by default all 2, 8 or 48 of the segment, square or cube
 * @throws GmrError `invalid-shape` if f(g x) and f(x) differ in length, or the array's length is not that of `shape`;
 *   `invalid-argument` without `elements`, if `shape` does not have one to three spatial axes
 */
export async function invarianceError<A extends NumberArray, S extends readonly number[]>(
  f: (image: A, shape: S) => ArrayLike<number> | Promise<ArrayLike<number>>,
  image: A,
  shape: S,
  elements: readonly Symmetry[] = symmetryGroup(shape.length - 2),
): Promise<SymmetryReport> {
  const expected = await f(image, shape);
  return collect(elements, async (element) => {
    const input = transformImage(image, shape, element);
    return maxRelativeError(await f(input.image, input.shape), expected);
  });
}

/**
 * max |actual - expected| / max |expected|: 0 if both are all zeros, infinite if only `expected` is, NaN if either
 * contains NaN.
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

async function collect(
  elements: readonly Symmetry[],
  errorOf: (element: Symmetry) => Promise<number>,
): Promise<SymmetryReport> {
  const errors: SymmetryError[] = [];
  for (const element of elements) errors.push({ element: element.name, error: await errorOf(element) });
  return { worst: Math.max(...errors.map(({ error }) => error)), errors };
}
