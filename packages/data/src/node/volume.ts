// Volumes in files: NIfTI and multi-page TIFF.

import { GmrError } from "@gmr-conv/core";
import { type DepthRange, scaled } from "../depthRange.ts";
import { readNifti } from "../formats/nifti.ts";
import { decodeMask, decodePages } from "./decode.ts";
import { readRequired } from "./files.ts";
import { imageInfo } from "./imageInfo.ts";

export const isNifti = (name: string): boolean => /\.nii(\.gz)?$/i.test(name);

/** Whether a file is a volume: NIfTI or a multi-page image. @throws GmrError as `imageInfo` */
export const isVolume = async (file: string): Promise<boolean> =>
  isNifti(file) || (await imageInfo(file)).pages > 1;

/**
 * Reads a volume [D, H, W, C] from 0 to 1.
 * @param range the values that become 0 and 1
 * @throws GmrError `io` or `invalid-data`, naming the file
 */
export async function readVolume(
  file: string,
  range: DepthRange = "auto",
): Promise<{ data: Float32Array; shape: number[] }> {
  if (!isNifti(file)) return decodePages(file, range);
  const { data, shape } = readNifti(await readRequired(file, "a NIfTI volume"), file);
  return { data: scaled(data, range, 1), shape };
}

/**
 * Reads the numbers of a mask [D, H, W].
 * @throws GmrError `io` or `invalid-data`, naming the file
 */
export async function readVolumeMask(file: string): Promise<{ data: ArrayLike<number>; shape: number[] }> {
  if (!isNifti(file)) return decodeMask(file, true);
  const { data, shape } = readNifti(await readRequired(file, "a NIfTI mask"), file);
  if (shape[3] === 1) return { data, shape: shape.slice(0, 3) };
  throw new GmrError("invalid-data", `${file}: [${shape}], expected one number per voxel`);
}
