// Images brought to another size as libvips does it with a linear kernel, so that a page reads an image as the training
// did: each axis is first shrunk by a whole number (means of blocks), such that a factor of two to four is left, then
// reduced by a triangle as wide as that factor; axes that grow are interpolated linearly. Integers are rounded after each step.
// JPEG files are decoded at a half, a quarter or an eighth of their size if that suffices, which comes close to means of
// blocks.

import { GmrError } from "@gmr-conv/core";

export type Pixels = Uint8Array | Uint16Array | Float32Array;

/**
 * What happens to an image of another size: scaled to cover the size and cropped around the centre (`"crop"`),
 * stretched (`"stretch"`), scaled to fit and padded with the background (`"pad"`), or refused (`"none"`).
 */
export type ResizeRule = "crop" | "stretch" | "pad" | "none";

/**
 * An image in another size.
 * @param pixels [height, width, channels] flat
 * @param size [height, width]
 * @param background of the padding, one number per channel
 * @param jpeg whether these are the pixels of a whole JPEG file
 * @returns [...size, channels] flat, of the same type
 * @throws GmrError `invalid-data` where another size is refused
 */
export function resizeImage<T extends Pixels>(
  pixels: T,
  [height, width, channels]: readonly [height: number, width: number, channels: number],
  size: readonly [height: number, width: number],
  rule: ResizeRule,
  background: readonly number[],
  jpeg = false,
): T {
  if (height === size[0] && width === size[1]) return pixels;
  if (rule === "none") {
    throw new GmrError("invalid-data", `${height}×${width} pixels, expected ${size[0]}×${size[1]}`);
  }
  const block = jpeg ? jpegBlock([height, width], size, rule) : 1;
  if (block > 1) {
    const [h, w] = [Math.floor(height / block), Math.floor(width / block)];
    const rows = weighted(pixels, { outer: 1, length: height, inner: width * channels }, blockTaps(h, block));
    const blocks = weighted(rows, { outer: h, length: width, inner: channels }, blockTaps(w, block));
    return resizeImage(blocks, [h, w, channels], size, rule, background);
  }
  const factors = shrinkage([height, width], size, rule);
  // No side vanishes.
  const [fy, fx] = [Math.min(factors[0], height), Math.min(factors[1], width)];
  const [h, w] = [Math.round(height / fy), Math.round(width / fx)];
  const [top, left] = [Math.min(h, height), Math.min(w, width)]; // sizes before anything grows
  const rowLength = width * channels;
  let scaled = shrunkAxis(pixels, { outer: 1, length: height, inner: rowLength }, top, Math.max(1, fy));
  scaled = shrunkAxis(scaled, { outer: top, length: width, inner: channels }, left, Math.max(1, fx));
  if (fy < 1 || fx < 1) {
    const floats = Float32Array.from(scaled); // rounded once, in the end
    const rows = grownAxis(floats, { outer: 1, length: top, inner: left * channels }, h, Math.min(1, fy));
    const grown = grownAxis(rows, { outer: h, length: left, inner: channels }, w, Math.min(1, fx));
    scaled = sameType(pixels, grown);
  }
  return placed(scaled, [h, w, channels], size, background);
}

/** Numbers in an array of the type of another. */
function sameType<T extends Pixels>(like: T, values: Float32Array): T {
  if (like instanceof Float32Array) return values as Pixels as T;
  return (like.constructor as Uint8ArrayConstructor).from(values, Math.round) as Pixels as T;
}

/** By which factors the axes shrink. */
function shrinkage(
  [height, width]: readonly [number, number],
  size: readonly [number, number],
  rule: ResizeRule,
): [number, number] {
  const [y, x] = [height / size[0], width / size[1]];
  if (rule === "stretch") return [y, x];
  const both = rule === "pad" ? Math.max(y, x) : Math.min(y, x);
  return [both, both];
}

/** The side of the blocks of a JPEG file that are decoded to one pixel. */
function jpegBlock(
  own: readonly [number, number],
  size: readonly [number, number],
  rule: ResizeRule,
): number {
  const shrink = Math.min(...shrinkage(own, size, rule));
  const block = [8, 4, 2].find((side) => shrink >= side) ?? 1;
  return Math.floor(shrink) === block ? Math.max(1, block / 2) : block;
}

/** Crops and pads around the centre. */
function placed<T extends Pixels>(
  pixels: T,
  [h, w, channels]: readonly [number, number, number],
  [height, width]: readonly [number, number],
  background: readonly number[],
): T {
  if (h === height && w === width) return pixels;
  const result = new (pixels.constructor as Uint8ArrayConstructor)(height * width * channels) as T;
  for (let i = 0; i < result.length; i++) result[i] = background[i % channels];
  // Where the image starts in the result, or the result in the image.
  const start = (inner: number, outer: number): number =>
    inner >= outer ? -Math.floor((inner - outer + 1) / 2) : Math.floor((outer - inner) / 2);
  const [top, left] = [start(h, height), start(w, width)];
  const columns = Math.min(w, width) * channels;
  for (let y = 0; y < Math.min(h, height); y++) {
    const from = ((y - Math.min(0, top)) * w - Math.min(0, left)) * channels;
    const to = ((y + Math.max(0, top)) * width + Math.max(0, left)) * channels;
    result.set(pixels.subarray(from, from + columns) as never, to);
  }
  return result;
}

/** An array [outer, length, inner], of which the middle axis is meant. */
interface Axis {
  outer: number;
  length: number;
  inner: number;
}

function shrunkAxis<T extends Pixels>(pixels: T, axis: Axis, length: number, factor: number): T {
  if (factor === 1) return pixels;
  const block = Math.max(1, Math.floor(axis.length / length / 2));
  const own = { ...axis, length: Math.ceil(axis.length / block) };
  const taps = blockTaps(own.length, block, axis.length);
  const shrunk = block > 1 ? weighted(pixels, axis, taps, fixedPointMean(block)) : pixels;
  // Pixels that the rounded size would need beyond those of the image, half of them at each end.
  const lacking = (length * factor - axis.length) / block;
  const left = factor / block;
  const placeOf = (i: number): number => (i + 0.5) * left - 0.5 - lacking / 2;
  return weighted(shrunk, own, triangleTaps(own.length, length, left, placeOf));
}

/**
 * libvips enlarges by an affine map that keeps the image's corner in place, not the centre of the pixel there, and moves
 * the other axis as well.
 */
function grownAxis<T extends Pixels>(pixels: T, axis: Axis, length: number, factor: number): T {
  return weighted(
    pixels,
    axis,
    triangleTaps(axis.length, length, 1, (i) => i * factor - 0.5),
  );
}

/** The pixels along an axis that each new pixel is made of, from `first` on, and their weights. */
interface Taps {
  first: number[];
  weights: Float64Array[];
}

/** Means of blocks. If the last one reaches beyond the axis, it is filled up with the outermost pixel. */
function blockTaps(count: number, block: number, length = count * block): Taps {
  const weights = Array.from({ length: count }, (_, i) => {
    const own = Math.min(block, length - i * block);
    const each = new Float64Array(own).fill(1 / block);
    each[own - 1] += (block - own) / block;
    return each;
  });
  return { first: weights.map((_, i) => i * block), weights };
}

/** Positions are kept in 64ths of a pixel. */
const POSITIONS = 64;

/** @param placeOf the place among the pixels on which each new pixel is centred */
function triangleTaps(
  length: number,
  count: number,
  radius: number,
  placeOf: (index: number) => number,
): Taps {
  const taps: Taps = { first: [], weights: [] };
  for (let i = 0; i < count; i++) {
    const centre = Math.round(placeOf(i) * POSITIONS) / POSITIONS;
    const [low, high] = [Math.ceil(centre - radius), Math.floor(centre + radius)];
    const first = Math.min(length - 1, Math.max(0, low));
    const last = Math.min(length - 1, Math.max(0, high));
    const weights = new Float64Array(last - first + 1);
    let sum = 0;
    for (let at = low; at <= high; at++) {
      const weight = 1 - Math.abs(at - centre) / radius;
      weights[Math.min(last, Math.max(first, at)) - first] += weight;
      sum += weight;
    }
    taps.first.push(first);
    taps.weights.push(weights.map((weight) => weight / sum));
  }
  return taps;
}

/**
 * libvips multiplies sums of bytes by the reciprocal of their number, rounded down to 24 bits: a mean that is a whole number
 * may come out one too small.
 */
function fixedPointMean(count: number): (mean: number) => number {
  const reciprocal = Math.floor(2 ** 24 / count);
  const half = Math.floor(count / 2);
  return (mean) => ((Math.round(mean * count) + half) * reciprocal) / 2 ** 24;
}

/** @param round for bytes, besides rounding down */
function weighted<T extends Pixels>(
  pixels: T,
  { outer, length, inner }: Axis,
  { first, weights }: Taps,
  round: (value: number) => number = (value) => value + 0.5,
): T {
  const count = first.length;
  const result = new (pixels.constructor as Float32ArrayConstructor)(outer * count * inner) as T;
  const sums = new Float64Array(inner);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < count; i++) {
      sums.fill(0);
      const own = weights[i];
      for (let tap = 0; tap < own.length; tap++) {
        const from = (o * length + first[i] + tap) * inner;
        const weight = own[tap];
        for (let c = 0; c < inner; c++) sums[c] += weight * pixels[from + c];
      }
      if (pixels instanceof Uint8Array) for (let c = 0; c < inner; c++) sums[c] = round(sums[c]);
      else if (pixels instanceof Uint16Array) for (let c = 0; c < inner; c++) sums[c] += 0.5;
      result.set(sums as never, (o * count + i) * inner);
    }
  }
  return result;
}
