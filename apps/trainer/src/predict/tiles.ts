// Segmentation of large images by tiles that overlap: of each tile the middle counts, where the network saw what is around. One
// row of tiles is in memory at a time.

import { closeSync, createReadStream, openSync, rmSync, writeSync } from "node:fs";
import { GmrError } from "@gmr-conv/core";
import { decodeRegion, type ImageInfo } from "@gmr-conv/data/node";
import { predict, type TestTimeViews } from "@gmr-conv/training";
import sharp from "sharp";
import type { Predictor } from "./source.ts";

export interface TileOptions {
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
  { model, shape, classNames, normalization }: Predictor,
  file: string,
  info: ImageInfo,
  output: string,
  { overlap, views, onProgress }: TileOptions,
): Promise<number[]> {
  const [tileH, tileW, channels] = shape;
  const [stepY, stepX] = [tileH - 2 * overlap, tileW - 2 * overlap];
  if (stepX < 1 || stepY < 1) {
    throw new GmrError(
      "invalid-argument",
      `overlap ${overlap}: tiles of ${tileH}×${tileW} leave nothing in their middle`,
    );
  }
  const [rows, columns] = [Math.ceil(info.height / stepY), Math.ceil(info.width / stepX)];
  const counts = classNames.map(() => 0);
  const raw = `${output}.${process.pid}.raw`;
  const handle = openSync(raw, "w");
  try {
    for (let row = 0; row < rows; row++) {
      const top = row * stepY;
      const height = Math.min(stepY, info.height - top);
      const strip = new Uint8Array(height * info.width);
      for (let column = 0; column < columns; column++) {
        const left = column * stepX;
        const width = Math.min(stepX, info.width - left);
        const tile = await readTile(file, info, {
          top: top - overlap,
          left: left - overlap,
          tileH,
          tileW,
          channels,
        });
        const p = await predict(model, tile, shape, { normalization, views });
        for (let y = 0; y < height; y++) {
          for (let x = 0; x < width; x++) {
            const at = ((y + overlap) * tileW + x + overlap) * classNames.length;
            let best = 0;
            for (let k = 1; k < classNames.length; k++) if (p[at + k] > p[at + best]) best = k;
            strip[y * info.width + left + x] = best;
            counts[best]++;
          }
        }
        onProgress(row * columns + column + 1, rows * columns);
      }
      for (let at = 0; at < strip.length; ) at += writeSync(handle, strip, at);
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

interface Place {
  top: number;
  left: number;
  tileH: number;
  tileW: number;
  channels: number;
}

/** A tile [H, W, C] from 0 to 1; what lies outside the image is its mirror image. */
async function readTile(
  file: string,
  info: ImageInfo,
  { top, left, tileH, tileW, channels }: Place,
): Promise<Float32Array> {
  const [y0, y1] = [Math.max(0, top), Math.min(info.height, top + tileH)];
  const [x0, x1] = [Math.max(0, left), Math.min(info.width, left + tileW)];
  const region = { left: x0, top: y0, width: x1 - x0, height: y1 - y0 };
  const { data } = await decodeRegion(file, region, { channels: channels as 1 | 3 });
  const scale = data instanceof Uint8Array ? 1 / 255 : 1;
  const tile = new Float32Array(tileH * tileW * channels);
  for (let y = 0; y < tileH; y++) {
    const sourceY = mirrored(y + top, info.height) - y0;
    for (let x = 0; x < tileW; x++) {
      const sourceX = mirrored(x + left, info.width) - x0;
      const from = (clamp(sourceY, region.height) * region.width + clamp(sourceX, region.width)) * channels;
      for (let c = 0; c < channels; c++) tile[(y * tileW + x) * channels + c] = data[from + c] * scale;
    }
  }
  return tile;
}

function mirrored(index: number, size: number): number {
  if (size === 1) return 0;
  const period = 2 * (size - 1);
  const within = ((index % period) + period) % period;
  return within < size ? within : period - within;
}

const clamp = (index: number, size: number): number => Math.min(size - 1, Math.max(0, index));
