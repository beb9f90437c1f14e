// Segmentation of large images by overlapping tiles, of which the middle counts: there the network has seen the
// surroundings. One row of tiles, a strip of the image, is in memory at a time.

import { checkNonNegativeInteger, checkPositiveInteger, GmrError } from "@gmr-conv/core";
import { mirroredIndex } from "@gmr-conv/data";
import type * as tf from "@tensorflow/tfjs";
import { mostProbable } from "./mostProbable.ts";
import { type PredictOptions, predict } from "./predict.ts";

/** Default side of tiles: larger than most training images, since more of a large tile is its middle. */
const TILE = 256;

export interface TileOptions {
  /** Largest side of the tiles, pixels. Default: 256, or the longer side of the training images. */
  tile?: number | undefined;
  /** Pixels shared with the neighbours, on each side. Default: a quarter of the training images' shorter side. */
  overlap?: number | undefined;
}

/** How an image is covered by tiles. */
export interface TilePlan {
  /** [height, width] of the image. */
  size: readonly [number, number];
  /** [height, width] of the tiles. */
  tile: readonly [number, number];
  overlap: number;
  /** [height, width] of the middle of the tiles, without what they share. */
  step: readonly [number, number];
  rows: number;
  columns: number;
}

/**
 * Covers an image by tiles. Small images are one tile, no smaller than the training images.
 * @param size [height, width] of the image
 * @param trained [height, width] of the training images
 * @throws GmrError `invalid-argument` for an overlap that leaves nothing of the tiles
 */
export function planTiles(
  size: readonly [number, number],
  trained: readonly number[],
  options: TileOptions = {},
): TilePlan {
  const [trainedHeight, trainedWidth] = trained;
  const largest = checkPositiveInteger("tile", options.tile ?? Math.max(TILE, trainedHeight, trainedWidth));
  const overlap = checkNonNegativeInteger(
    "overlap",
    options.overlap ?? Math.floor(Math.min(trainedHeight, trainedWidth) / 4),
  );
  const side = (length: number, least: number): number =>
    Math.min(largest, Math.max(least, length + 2 * overlap));
  const tile = [side(size[0], trainedHeight), side(size[1], trainedWidth)] as const;
  const step = [tile[0] - 2 * overlap, tile[1] - 2 * overlap] as const;
  if (step[0] < 1 || step[1] < 1) {
    throw new GmrError(
      "invalid-argument",
      `overlap ${overlap}: tiles of ${tile[0]}×${tile[1]} leave nothing in their middle`,
    );
  }
  return {
    size,
    tile,
    overlap,
    step,
    rows: Math.ceil(size[0] / step[0]),
    columns: Math.ceil(size[1] / step[1]),
  };
}

export interface TiledImage {
  channels: number;
  /** Rows of the image from `top` on, [height, width, channels] flat, in bytes or from 0 to 1. */
  read(top: number, height: number): Promise<Uint8Array | Float32Array> | Uint8Array | Float32Array;
  /** Takes the next rows of the mask, whole ones from top to bottom: the class of each pixel. */
  write(rows: Uint8Array): void;
  onTile?: ((done: number, total: number) => void) | undefined;
}

/**
 * Segments an image tile by tile.
 * @returns the number of pixels of each class
 * @throws what `read` and `write` throw; the signal's reason
 */
export async function segmentTiles(
  model: tf.LayersModel,
  plan: TilePlan,
  image: TiledImage,
  options: PredictOptions = {},
): Promise<number[]> {
  const [height, width] = plan.size;
  const [tileH, tileW] = plan.tile;
  const [stepY, stepX] = plan.step;
  const { rows, columns, overlap } = plan;
  const shape = [tileH, tileW, image.channels];
  const outputs = model.outputs[0].shape;
  const classes = outputs[outputs.length - 1] as number;
  const counts = new Array<number>(classes).fill(0);
  for (let row = 0; row < rows; row++) {
    const top = row * stepY;
    const mask = new Uint8Array(Math.min(stepY, height - top) * width);
    const strip = await readStrip(image, plan.size, top - overlap, tileH);
    for (let column = 0; column < columns; column++) {
      const tile = cutTile(strip, width, column * stepX - overlap, shape);
      const p = await predict(model, tile, shape, options);
      const found = Uint8Array.from({ length: tileH * tileW }, (_, i) =>
        mostProbable(p, i * classes, classes),
      );
      pasteMiddle(found, plan, mask, column * stepX, counts);
      image.onTile?.(row * columns + column + 1, rows * columns);
    }
    image.write(mask);
  }
  return counts;
}

/** Rows [tileH, W, C] of an image; beyond the image, rows are mirrored. */
async function readStrip(
  image: TiledImage,
  [height, width]: readonly [number, number],
  top: number,
  tileH: number,
): Promise<Uint8Array | Float32Array> {
  const [first, last] = [Math.max(0, top), Math.min(height, top + tileH)];
  const data = await image.read(first, last - first);
  if (last - first === tileH) return data;
  const row = width * image.channels;
  const strip = new (data.constructor as Uint8ArrayConstructor)(tileH * row);
  for (let y = 0; y < tileH; y++) {
    const from = clamp(mirroredIndex(y + top, height) - first, last - first) * row;
    strip.set(data.subarray(from, from + row) as Uint8Array, y * row);
  }
  return strip;
}

/** A tile [H, W, C] of a strip, from 0 to 1. */
function cutTile(
  strip: Uint8Array | Float32Array,
  width: number,
  left: number,
  [tileH, tileW, channels]: readonly number[],
): Float32Array {
  const scale = strip instanceof Uint8Array ? 1 / 255 : 1;
  const tile = new Float32Array(tileH * tileW * channels);
  for (let y = 0; y < tileH; y++) {
    for (let x = 0; x < tileW; x++) {
      const from = (y * width + mirroredIndex(x + left, width)) * channels;
      const to = (y * tileW + x) * channels;
      for (let c = 0; c < channels; c++) tile[to + c] = strip[from + c] * scale;
    }
  }
  return tile;
}

/** Copies the middle of a tile into the rows of a mask, and counts its classes. */
function pasteMiddle(
  tile: Uint8Array,
  { overlap, tile: [, tileW], step: [, stepX], size: [, maskWidth] }: TilePlan,
  mask: Uint8Array,
  left: number,
  counts: number[],
): void {
  const width = Math.min(stepX, maskWidth - left);
  for (let y = 0; y < mask.length / maskWidth; y++) {
    const from = (y + overlap) * tileW + overlap;
    const row = tile.subarray(from, from + width);
    mask.set(row, y * maskWidth + left);
    for (const label of row) counts[label]++;
  }
}

/** Mirrored rows that lie outside the strip are taken from its edge. */
const clamp = (index: number, size: number): number => Math.min(size - 1, Math.max(0, index));
