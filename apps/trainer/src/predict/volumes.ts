// Classes and masks of volumes. A volume is in memory as a whole; networks see large ones in overlapping boxes.

import { writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { GmrError } from "@gmr-conv/core";
import { mirroredIndex, niftiMask, readOff, voxelize } from "@gmr-conv/data";
import { isNifti, isVolume, readVolume } from "@gmr-conv/data/node";
import { writeFileAtomically } from "@gmr-conv/io/node";
import { mostProbable, predict } from "@gmr-conv/training";
import sharp from "sharp";
import type { Predictor } from "./source.ts";

interface BoxOptions {
  /** Largest side of the boxes, voxels. */
  tile: number;
  /** Voxels shared with the neighbours, on each side. */
  overlap: number;
  onProgress: (done: number, total: number) => void;
}

export const isMesh = (file: string): boolean => /\.off$/i.test(file);

/**
 * A volume, or a mesh as voxels, [D, H, W, C] from 0 to 1.
 * @throws GmrError `io` or `invalid-data`, naming the file; `invalid-shape` for another number of channels
 */
async function openVolume(
  file: string,
  { shape, reading, meshes }: Predictor,
): Promise<{ data: Float32Array; shape: number[] }> {
  if (isMesh(file)) {
    const voxels = voxelize(readOff(await readFile(file, "utf8"), file), { size: shape[0], ...meshes });
    return { data: Float32Array.from(voxels), shape: [shape[0], shape[0], shape[0], 1] };
  }
  if (!(await isVolume(file))) {
    throw new GmrError("invalid-shape", `${file} is an image, the network takes volumes`);
  }
  const volume = await readVolume(file, reading.range);
  if (volume.shape[3] === shape[3]) return volume;
  throw new GmrError(
    "invalid-shape",
    `${file}: [${volume.shape}], the network takes ${shape[3]} channel(s): [D, H, W, ${shape[3]}]`,
  );
}

/**
 * Probabilities of the classes of a volume.
 * @throws GmrError as {@link openVolume}; `invalid-shape` for a volume of another size
 */
export async function classifyVolume(file: string, predictor: Predictor): Promise<Float32Array> {
  const { model, shape, normalization } = predictor;
  const volume = await openVolume(file, predictor);
  if (volume.shape.join() !== shape.join()) {
    throw new GmrError("invalid-shape", `${file}: [${volume.shape}], the network takes [${shape}]`);
  }
  return predict(model, volume.data, shape, { normalization });
}

/**
 * Writes the mask of a volume in the volume's format: NIfTI in the same place, or a multi-page TIFF.
 * @returns the number of voxels of each class
 * @throws GmrError as {@link openVolume}; `invalid-argument` for an overlap that leaves nothing of the boxes
 */
export async function segmentVolume(
  predictor: Predictor,
  file: string,
  output: string,
  options: BoxOptions,
): Promise<number[]> {
  const volume = await openVolume(file, predictor);
  const mask = await maskOf(predictor, volume, options);
  await writeMask(mask, volume.shape, file, output);
  const counts = predictor.classNames.map(() => 0);
  for (const label of mask) counts[label]++;
  return counts;
}

/** The class of every voxel. */
async function maskOf(
  { model, shape, classNames, normalization }: Predictor,
  { data, shape: sizes }: { data: Float32Array; shape: number[] },
  { tile, overlap, onProgress }: BoxOptions,
): Promise<Uint8Array> {
  const boxSizes = [0, 1, 2].map((axis) => Math.min(tile, Math.max(shape[axis], sizes[axis] + 2 * overlap)));
  const boxShape = [...boxSizes, shape[3]];
  const steps = boxSizes.map((side) => side - 2 * overlap);
  if (Math.min(...steps) < 1) {
    throw new GmrError(
      "invalid-argument",
      `overlap ${overlap}: boxes of ${boxSizes.join("×")} leave nothing in their middle`,
    );
  }
  const mask = new Uint8Array(sizes[0] * sizes[1] * sizes[2]);
  const starts = steps.map((step, axis) =>
    Array.from({ length: Math.ceil(sizes[axis] / step) }, (_, i) => i * step),
  );
  const places = starts[0].flatMap((z) => starts[1].flatMap((y) => starts[2].map((x) => [z, y, x])));
  for (const [done, place] of places.entries()) {
    const begin = place.map((start) => start - overlap);
    const box = cutBox(data, sizes, begin, boxShape);
    const p = await predict(model, box, boxShape, { normalization });
    const inner = steps.map((step, axis) => Math.min(step, sizes[axis] - place[axis]));
    for (let z = 0; z < inner[0]; z++) {
      for (let y = 0; y < inner[1]; y++) {
        for (let x = 0; x < inner[2]; x++) {
          const position = ((z + overlap) * boxSizes[1] + y + overlap) * boxSizes[2] + x + overlap;
          mask[((place[0] + z) * sizes[1] + place[1] + y) * sizes[2] + place[2] + x] = mostProbable(
            p,
            position * classNames.length,
            classNames.length,
          );
        }
      }
    }
    onProgress(done + 1, places.length);
  }
  return mask;
}

async function writeMask(
  mask: Uint8Array,
  [depth, height, width]: readonly number[],
  file: string,
  output: string,
): Promise<void> {
  if (isNifti(file)) {
    const bytes = niftiMask(await readFile(file), mask, file);
    writeFileAtomically(output, /\.gz$/i.test(output) ? await promisify(gzip)(bytes) : bytes);
    return;
  }
  const pages = { width, height: depth * height, channels: 1, pageHeight: height } as const;
  const tiff = sharp(mask, { raw: pages, limitInputPixels: false })
    .toColourspace("b-w")
    .tiff({ compression: "deflate" });
  writeFileSync(output, await tiff.toBuffer());
}

/** A box [...sizes, C] that may begin and end outside the volume, which is mirrored there. */
function cutBox(
  data: Float32Array,
  sizes: readonly number[],
  place: readonly number[],
  [depth, height, width, channels]: readonly number[],
): Float32Array {
  const box = new Float32Array(depth * height * width * channels);
  let to = 0;
  for (let z = 0; z < depth; z++) {
    const plane = mirroredIndex(z + place[0], sizes[0]) * sizes[1];
    for (let y = 0; y < height; y++) {
      const row = (plane + mirroredIndex(y + place[1], sizes[1])) * sizes[2];
      for (let x = 0; x < width; x++) {
        const from = (row + mirroredIndex(x + place[2], sizes[2])) * channels;
        for (let c = 0; c < channels; c++) box[to++] = data[from + c];
      }
    }
  }
  return box;
}
