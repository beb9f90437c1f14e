// Segmentation of large images by overlapping tiles, of which the middle counts: there the network has seen the
// surroundings. One row of tiles, a strip of the image, is in memory at a time.

import { closeSync, createReadStream, openSync, rmSync, writeSync } from "node:fs";
import { GmrError } from "@gmr-conv/core";
import { mirroredIndex } from "@gmr-conv/data";
import { type DecodeOptions, decodeRegion, type ImageInfo, imageLimits } from "@gmr-conv/data/node";
import { predict, type TestTimeViews } from "@gmr-conv/training";
import sharp from "sharp";
import { mostProbable } from "./mostProbable.ts";
import type { Predictor } from "./source.ts";

interface TileOptions {
  /** Largest side of the tiles, pixels. */
  tile: number;
  /** Pixels shared with the neighbours, on each side. */
  overlap: number;
  views: TestTimeViews;
  onProgress: (done: number, total: number) => void;
}

/**
 * Writes the mask of an image: each pixel's class as a number, in a TIFF or PNG file.
 * @returns the number of pixels of each class
 * @throws GmrError `invalid-argument` for an overlap that leaves nothing of the tiles
 */
export async function segmentFile(
  predictor: Predictor,
  file: string,
  info: ImageInfo,
  output: string,
  { tile: largest, overlap, views, onProgress }: TileOptions,
): Promise<number[]> {
  const { shape, classNames, reading } = predictor;
  const channels = shape[2] as 1 | 3;
  // Small images are one tile, no smaller than the training images.
  const [tileH, tileW] = [info.height, info.width].map((length, axis) =>
    Math.min(largest, Math.max(shape[axis], length + 2 * overlap)),
  );
  const [stepY, stepX] = [tileH - 2 * overlap, tileW - 2 * overlap];
  if (stepX < 1 || stepY < 1) {
    throw new GmrError(
      "invalid-argument",
      `overlap ${overlap}: tiles of ${tileH}×${tileW} leave nothing in their middle`,
    );
  }
  const range = (await imageLimits(file, reading.range)) ?? reading.range;
  const [rows, columns] = [Math.ceil(info.height / stepY), Math.ceil(info.width / stepX)];
  const counts = classNames.map(() => 0);
  const raw = `${output}.${process.pid}.raw`;
  const handle = openSync(raw, "w");
  try {
    for (let row = 0; row < rows; row++) {
      const top = row * stepY;
      const mask = new Uint8Array(Math.min(stepY, info.height - top) * info.width);
      const strip = await readStrip(file, info, top - overlap, tileH, { ...reading, range, channels });
      for (let column = 0; column < columns; column++) {
        const tile = cutTile(strip, info.width, column * stepX - overlap, [tileH, tileW, channels]);
        const classes = await classesOf(predictor, tile, [tileH, tileW, channels], views);
        pasteMiddle(classes, tileW, overlap, mask, info.width, column * stepX, stepX, counts);
        onProgress(row * columns + column + 1, rows * columns);
      }
      for (let at = 0; at < mask.length; ) at += writeSync(handle, mask, at);
    }
    closeSync(handle);
    await encode(raw, info, output);
    return counts;
  } finally {
    rmSync(raw, { force: true });
  }
}

/** The class of every pixel of a tile. */
async function classesOf(
  { model, classNames, normalization }: Predictor,
  tile: Float32Array,
  shape: readonly number[],
  views: TestTimeViews,
): Promise<Uint8Array> {
  const p = await predict(model, tile, shape, { normalization, views });
  const classes = classNames.length;
  return Uint8Array.from({ length: p.length / classes }, (_, i) => mostProbable(p, i * classes, classes));
}

/** Copies the middle of a tile into the rows of a mask, and counts its classes. */
function pasteMiddle(
  tile: Uint8Array,
  tileWidth: number,
  overlap: number,
  mask: Uint8Array,
  maskWidth: number,
  left: number,
  step: number,
  counts: number[],
): void {
  const width = Math.min(step, maskWidth - left);
  for (let y = 0; y < mask.length / maskWidth; y++) {
    const from = (y + overlap) * tileWidth + overlap;
    const row = tile.subarray(from, from + width);
    mask.set(row, y * maskWidth + left);
    for (const label of row) counts[label]++;
  }
}

/** Encodes raw bytes as a TIFF or PNG file. */
async function encode(raw: string, { width, height }: ImageInfo, output: string): Promise<void> {
  const pixels = sharp({ raw: { width, height, channels: 1 }, limitInputPixels: false }).toColourspace("b-w");
  const encoded = /\.tiff?$/i.test(output)
    ? pixels.tiff({ compression: "deflate", tile: true, bigtiff: true })
    : pixels.png();
  createReadStream(raw).pipe(encoded);
  await encoded.toFile(output);
}

/** Rows [tileH, W, C] of an image, from 0 to 1 or in bytes; beyond the image, rows are mirrored. */
async function readStrip(
  file: string,
  info: ImageInfo,
  top: number,
  tileH: number,
  options: DecodeOptions & { channels: 1 | 3 },
): Promise<Uint8Array | Float32Array> {
  const [first, last] = [Math.max(0, top), Math.min(info.height, top + tileH)];
  const region = { left: 0, top: first, width: info.width, height: last - first };
  const { data } = await decodeRegion(file, region, options);
  if (region.height === tileH) return data;
  const row = info.width * options.channels;
  const strip = new (data.constructor as Uint8ArrayConstructor)(tileH * row);
  for (let y = 0; y < tileH; y++) {
    const from = clamp(mirroredIndex(y + top, info.height) - first, region.height) * row;
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

/** Mirrored rows that lie outside the strip are taken from its edge. */
const clamp = (index: number, size: number): number => Math.min(size - 1, Math.max(0, index));
