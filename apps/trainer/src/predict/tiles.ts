// Segmentation of large images by tiles that overlap: of each tile the middle counts, where the network saw what is around. One
// row of tiles, a strip of the image, is in memory at a time.

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
  /** Pixels that neighbouring tiles share, on each side. */
  overlap: number;
  views: TestTimeViews;
  onProgress: (done: number, total: number) => void;
}

/**
 * Writes the mask of an image: each pixel's class as a number, in a TIFF or PNG file.
 * @returns how many pixels are of each class
 * @throws GmrError `invalid-argument` for an overlap that leaves nothing
 */
export async function segmentFile(
  { model, shape, classNames, normalization, reading }: Predictor,
  file: string,
  info: ImageInfo,
  output: string,
  { tile: largest, overlap, views, onProgress }: TileOptions,
): Promise<number[]> {
  const channels = shape[2];
  // Small images are one tile, no smaller than those of the training.
  const [tileH, tileW] = [info.height, info.width].map((length, axis) =>
    Math.min(largest, Math.max(shape[axis], length + 2 * overlap)),
  );
  const tileShape = [tileH, tileW, channels];
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
      const height = Math.min(stepY, info.height - top);
      const mask = new Uint8Array(height * info.width);
      const strip = await readStrip(file, info, top - overlap, tileH, {
        ...reading,
        range,
        channels: channels as 1 | 3,
      });
      for (let column = 0; column < columns; column++) {
        const left = column * stepX;
        const width = Math.min(stepX, info.width - left);
        const tile = cutTile(strip, info.width, left - overlap, tileShape);
        const p = await predict(model, tile, tileShape, { normalization, views });
        for (let y = 0; y < height; y++) {
          for (let x = 0; x < width; x++) {
            const at = ((y + overlap) * tileW + x + overlap) * classNames.length;
            const best = mostProbable(p, at, classNames.length);
            mask[y * info.width + left + x] = best;
            counts[best]++;
          }
        }
        onProgress(row * columns + column + 1, rows * columns);
      }
      for (let at = 0; at < mask.length; ) at += writeSync(handle, mask, at);
    }
    closeSync(handle);
    const pixels = sharp({
      raw: { width: info.width, height: info.height, channels: 1 },
      limitInputPixels: false,
    });
    const encoded = /\.tiff?$/i.test(output)
      ? pixels.toColourspace("b-w").tiff({ compression: "deflate", tile: true, bigtiff: true })
      : pixels.toColourspace("b-w").png();
    createReadStream(raw).pipe(encoded);
    await encoded.toFile(output);
    return counts;
  } finally {
    rmSync(raw, { force: true });
  }
}

/** Rows [tileH, W, C] of an image, from 0 to 1 or in bytes; those that lie outside are mirror images. */
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

/** A tile [H, W, C] from 0 to 1 of a strip. */
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

/** Rows of mirror images that lie outside of a strip are those at its edge. */
const clamp = (index: number, size: number): number => Math.min(size - 1, Math.max(0, index));
