// Random crops, shifts, scales, turns and flips, as one map per image, so that pixels are interpolated once.

import { checkFinite, describeValue, GmrError, oneOf, type Random } from "@gmr-conv/core";
import type { Fill } from "@gmr-conv/core/equivariance";
import { type WarpOptions, warpImages, warpLabels } from "../affine.ts";
import type { FloatExamples } from "../dataset.ts";
import type { SampleShape } from "../imageSet.ts";
import type { Interpolation } from "../sampling.ts";
import { FLIPPED_AXIS, type FlipDirection } from "../transforms.ts";
import { matrixProduct, turnMatrix } from "../turnMatrix.ts";
import type { Warp } from "../warp.ts";
import { checkProbability, checkRange } from "./checks.ts";

export interface GeometryOptions {
  /** Sizes of the results; default: those of the images. Larger images are cropped at a random place. */
  size?: readonly number[] | undefined;
  /** Largest shift to each side, in pixels, along each axis; default 0. */
  translate?: number | undefined;
  /** Shift by fractions of a pixel, default false: whole pixels. */
  subpixel?: boolean | undefined;
  /** Range of the magnification about the centre, default [1, 1]. */
  scale?: readonly [min: number, max: number] | undefined;
  /**
   * Range of the share of the image to crop, with sides in a ratio of 3:4 to 4:3, and scale up to the whole ("random
   * resized crop"). Default: the whole. Volumes keep their proportions.
   */
  crop?: readonly [min: number, max: number] | undefined;
  /**
   * Largest turn to each side, in degrees; volumes about all three axes. Default 0: the network itself handles turns.
   */
  rotate?: number | undefined;
  /** Probability of each mirror image. Default 0. */
  flip?: { [direction in FlipDirection]?: number | undefined } | undefined;
  /** How to read between pixels, default linearly. Masks take the nearest pixel. */
  interpolation?: Interpolation | undefined;
  /** Pixels outside the images, default 0. */
  fill?: Fill | undefined;
}

type Complete = {
  translate: number;
  subpixel: boolean;
  scale: readonly [number, number];
  crop: readonly [number, number] | undefined;
  rotate: number;
  flip: Partial<Record<FlipDirection, number>>;
} & WarpOptions;

/**
 * Moves examples at random, each by its own random numbers, masks with their images; undefined if there is nothing to
 * do.
 */
export function randomMoves(
  options: GeometryOptions,
): ((examples: FloatExamples, shape: SampleShape, randoms: readonly Random[]) => FloatExamples) | undefined {
  const plan = check(options);
  const { translate, scale, crop, rotate, flip, size } = plan;
  const still = translate === 0 && scale[0] === 1 && scale[1] === 1 && !crop && rotate === 0;
  if (still && !size && !Object.values(flip).some((p) => p > 0)) return undefined;
  return ({ images, labels }, shape, randoms) => {
    const sizes = shape.slice(0, -1);
    const outSizes = size ?? sizes;
    const warps = randoms.map((random) => draw(plan, sizes, outSizes, random));
    const warpOf = (n: number): Warp => warps[n];
    const warping = { size, interpolation: plan.interpolation, fill: plan.fill };
    const moved = warpImages(images, shape, warpOf, warping);
    const masks = labels.length > warps.length;
    return { images: moved, labels: masks ? warpLabels(labels, sizes, warpOf, warping, 0) : labels };
  };
}

function check(options: GeometryOptions): Complete {
  const { translate = 0, subpixel = false, scale = [1, 1], crop, rotate = 0, flip = {} } = options;
  if (!(Number.isFinite(translate) && translate >= 0 && (subpixel || Number.isInteger(translate)))) {
    const expected = subpixel ? "a number of pixels ≥ 0" : "an integer ≥ 0 (or subpixel: true)";
    throw new GmrError("invalid-argument", `translate ${translate}, expected ${expected}`);
  }
  checkRange("scale", scale);
  if (crop) {
    checkRange("crop", crop);
    if (crop[1] > 1)
      throw new GmrError("invalid-argument", `crop ${describeValue(crop)}, expected shares of at most 1`);
  }
  if (checkFinite("rotate", rotate) < 0) {
    throw new GmrError("invalid-argument", `rotate ${rotate}, expected degrees of at least 0`);
  }
  for (const [direction, probability] of Object.entries(flip)) {
    oneOf("flip", direction, Object.keys(FLIPPED_AXIS));
    if (probability !== undefined) checkProbability(`flip.${direction}`, probability);
  }
  const { size, interpolation, fill } = options;
  return {
    translate,
    subpixel,
    scale,
    crop,
    rotate,
    flip: Object.fromEntries(Object.entries(flip).map(([direction, p]) => [direction, p ?? 0])),
    size,
    interpolation,
    fill,
  };
}

function draw(plan: Complete, sizes: readonly number[], outSizes: readonly number[], random: Random): Warp {
  const { translate, subpixel, scale, crop, rotate, flip } = plan;
  const rank = sizes.length;
  // Drawn in the order right, down: seeded batches depend on it.
  const shifts = sizes.map(() =>
    translate === 0
      ? 0
      : subpixel
        ? random.uniform(-translate, translate)
        : random.int(2 * translate + 1) - translate,
  );
  shifts.reverse();
  const magnification = scale[0] === scale[1] ? scale[0] : random.uniform(scale[0], scale[1]);
  const inverse = 1 / magnification;
  let matrix: number[] = Array.from({ length: rank * rank }, (_, i) => (i % (rank + 1) === 0 ? inverse : 0));
  for (const plane of rank === 2
    ? ([[0, 1]] as const)
    : ([
        [1, 2],
        [0, 2],
        [0, 1],
      ] as const)) {
    if (rotate > 0)
      matrix = matrixProduct(matrix, turnMatrix(rank, plane, random.uniform(-rotate, rotate)), rank);
  }
  for (const [direction, probability] of Object.entries(flip)) {
    const axis = rank - FLIPPED_AXIS[direction as FlipDirection];
    if (axis < 0 || probability === 0 || random.uniform() >= probability) continue;
    for (let row = 0; row < rank; row++) matrix[row * rank + axis] *= -1;
  }
  const offset = shifts.map((_, row) =>
    shifts.reduce((sum, shift, axis) => sum - matrix[row * rank + axis] * shift, 0),
  );
  if (crop) cropAt(matrix, offset, sizes, outSizes, crop, random);
  else {
    // Larger images are cropped at a random place.
    sizes.forEach((size, axis) => {
      const room = size - outSizes[axis];
      if (room > 0) offset[axis] += random.int(room + 1) - room / 2;
    });
  }
  return { matrix, offset };
}

/** Restricts a map to a random part of the source. */
function cropAt(
  matrix: number[],
  offset: number[],
  sizes: readonly number[],
  outSizes: readonly number[],
  [min, max]: readonly [number, number],
  random: Random,
): void {
  const rank = sizes.length;
  const area = random.uniform(min, max);
  const ratio = rank === 2 ? Math.exp(random.uniform(Math.log(3 / 4), Math.log(4 / 3))) : 1;
  const shares =
    rank === 2 ? [Math.sqrt(area / ratio), Math.sqrt(area * ratio)] : sizes.map(() => area ** (1 / 3));
  sizes.forEach((size, axis) => {
    const part = Math.min(1, shares[axis]) * size;
    const factor = part / outSizes[axis];
    for (let column = 0; column < rank; column++) matrix[axis * rank + column] *= factor;
    offset[axis] = offset[axis] * factor + random.uniform(-0.5, 0.5) * (size - part);
  });
}
