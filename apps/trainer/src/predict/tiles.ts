// The mask of an image file, computed tile by tile and written row by row.

import { closeSync, createReadStream, openSync, rmSync, writeSync } from "node:fs";
import { decodeRegion, type ImageInfo, imageLimits } from "@gmr-conv/data/node";
import { planTiles, segmentTiles, type TestTimeViews, type TileOptions } from "@gmr-conv/training";
import sharp from "sharp";
import type { Predictor } from "./source.ts";

interface SegmentFileOptions extends TileOptions {
  views: TestTimeViews;
  onProgress: (done: number, total: number) => void;
}

/**
 * Writes the mask of an image: each pixel's class as a number, in a TIFF or PNG file.
 * @returns the number of pixels of each class
 * @throws GmrError `invalid-argument` for an overlap that leaves nothing of the tiles
 */
export async function segmentFile(
  { model, shape, normalization, reading }: Predictor,
  file: string,
  info: ImageInfo,
  output: string,
  { views, onProgress, ...tiles }: SegmentFileOptions,
): Promise<number[]> {
  const plan = planTiles([info.height, info.width], shape, tiles);
  const channels = shape[2] as 1 | 3;
  const range = (await imageLimits(file, reading.range)) ?? reading.range;
  const raw = `${output}.${process.pid}.raw`;
  const handle = openSync(raw, "w");
  try {
    const counts = await segmentTiles(
      model,
      plan,
      {
        channels,
        async read(top, height) {
          const region = { left: 0, top, width: info.width, height };
          return (await decodeRegion(file, region, { ...reading, range, channels })).data;
        },
        write(mask) {
          for (let at = 0; at < mask.length; ) at += writeSync(handle, mask, at);
        },
        onTile: onProgress,
      },
      { normalization, views },
    );
    closeSync(handle);
    await encode(raw, info, output);
    return counts;
  } finally {
    rmSync(raw, { force: true });
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
