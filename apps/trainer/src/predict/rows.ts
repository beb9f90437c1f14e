// Predictions as rows of a table: the class of a file, or what its mask holds.

import path from "node:path";
import { imageInfo } from "@gmr-conv/data/node";
import { classifyImage } from "@gmr-conv/predict";
import type { TestTimeViews } from "@gmr-conv/training";
import { makeOutputFolder } from "../outputs.ts";
import { isLive } from "../terminal.ts";
import type { Predictor } from "./source.ts";
import { segmentFile } from "./tiles.ts";
import { classifyVolume, segmentVolume } from "./volumes.ts";

/** What was predicted for a file. */
export type Row = Record<string, string | number>;

export interface ClassifyOptions {
  /** Number of classes to list. */
  top: number;
  views: TestTimeViews;
  /** Default: as in training. */
  resize?: "crop" | "stretch" | "pad";
}

export async function classify(
  predictor: Predictor,
  file: string,
  { top, views, resize }: ClassifyOptions,
): Promise<Row> {
  const { classNames } = predictor;
  const p =
    predictor.shape.length === 4
      ? await classifyVolume(file, predictor)
      : await classifyImage(
          { ...predictor, reading: { ...predictor.reading, ...(resize && { resize }) } },
          file,
          { normalization: predictor.normalization, views },
        );
  const ranked = Array.from(p.keys()).sort((a, b) => p[b] - p[a]);
  const row: Row = { file };
  ranked.slice(0, top).forEach((k, i) => {
    const suffix = i === 0 ? "" : String(i + 1);
    row[`class${suffix}`] = classNames[k];
    row[`probability${suffix}`] = Number(p[k].toPrecision(6));
  });
  return row;
}

/** Default side of the boxes of volumes. */
const BOX = 64;

export interface SegmentOptions {
  tile?: number;
  overlap?: number;
  views: TestTimeViews;
}

/** Writes the mask of a file. @param files how many there are in all */
export async function segment(
  predictor: Predictor,
  file: string,
  mask: string,
  options: SegmentOptions,
  files: number,
): Promise<Row> {
  const { shape, classNames } = predictor;
  const sizes = shape.slice(0, -1);
  makeOutputFolder(path.dirname(mask));
  const live = isLive();
  const onProgress = (done: number, tiles: number): void => {
    if (live && (tiles > 8 || files === 1)) process.stderr.write(`\r${file}: ${done} of ${tiles} tiles`);
  };
  const { tile, overlap, views } = options;
  const counts =
    sizes.length === 3
      ? await segmentVolume(predictor, file, mask, {
          tile: tile ?? Math.max(BOX, ...sizes),
          overlap: overlap ?? Math.floor(Math.min(...sizes) / 4),
          onProgress,
        })
      : await segmentFile(predictor, file, await imageInfo(file), mask, { tile, overlap, views, onProgress });
  if (live) process.stderr.write("\n");
  const pixels = counts.reduce((a, b) => a + b, 0);
  return {
    file,
    mask,
    ...Object.fromEntries(classNames.map((name, k) => [name, Number((counts[k] / pixels).toPrecision(6))])),
  };
}
