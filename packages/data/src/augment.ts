/** Random shifts and scales of training images. Never turns or mirrors: robustness to those is the network's own. */
import { GmrError, type Random } from "@gmr-conv/core";
import { affineImages, countImages } from "./affine.ts";
import type { ImageShape } from "./imageSet.ts";

/** Changes a batch [N, H, W, C] at random; returns a new array, or the batch itself where there is nothing to do. */
export type Augment = (batch: Float32Array, shape: ImageShape, random: Random) => Float32Array;

/** What an {@link augmenter} draws for each image, uniformly and independently. */
export interface AugmentOptions {
  /** Largest shift to each side, in pixels, along each axis; default 0. */
  translate?: number;
  /** Shift by fractions of a pixel (bilinear), default false: whole pixels. */
  subpixel?: boolean;
  /** Range of the magnification about the centre, default [1, 1]. */
  scale?: readonly [min: number, max: number];
}

/**
 * A function that shifts and scales every image of a batch at random (bilinear, zero fill), keeping it upright.
 *
 * @throws GmrError `invalid-argument` for a negative shift, a whole-pixel shift that is no integer, or a scale range
 *   that is not 0 < min ≤ max.
 */
export function augmenter(options: AugmentOptions): Augment {
  const { translate = 0, subpixel = false, scale = [1, 1] } = options;
  const [minScale, maxScale] = scale;
  if (!(Number.isFinite(translate) && translate >= 0 && (subpixel || Number.isInteger(translate)))) {
    const expected = subpixel ? "a number of pixels ≥ 0" : "an integer ≥ 0 (or subpixel: true)";
    throw new GmrError("invalid-argument", `translate ${translate}, expected ${expected}`);
  }
  if (!(minScale > 0 && minScale <= maxScale && maxScale < Number.POSITIVE_INFINITY)) {
    throw new GmrError("invalid-argument", `scale [${minScale}, ${maxScale}], expected 0 < min ≤ max`);
  }
  if (translate === 0 && minScale === 1 && maxScale === 1) return (batch) => batch;

  const shift = (random: Random) =>
    subpixel ? random.uniform(-translate, translate) : random.int(2 * translate + 1) - translate;
  return (batch, shape, random) => {
    const count = countImages(batch, shape);
    const moves = {
      dx: new Float64Array(count),
      dy: new Float64Array(count),
      scale: new Float64Array(count),
    };
    for (let n = 0; n < count; n++) {
      moves.dx[n] = shift(random);
      moves.dy[n] = shift(random);
      moves.scale[n] = random.uniform(minScale, maxScale);
    }
    return affineImages(batch, shape, moves);
  };
}
