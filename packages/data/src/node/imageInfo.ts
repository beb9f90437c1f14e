// What the header of an image file says.

import { GmrError, reasonOf } from "@gmr-conv/core";
import { type ImageInput, nameOfImage, openImage } from "./openImage.ts";

export interface ImageInfo {
  height: number;
  width: number;
  /** Without transparency. */
  channels: 1 | 3;
  pages: number;
  /** Bits per channel. */
  depth: number;
}

const IMAGE_NAME = /\.(png|jpe?g|tiff?|webp|gif|avif)$/i;

/** Whether a file's name ends like that of an image. */
export const isImageFile = (name: string): boolean => IMAGE_NAME.test(name);

/** The size and format of an image file, after EXIF orientation. @throws GmrError `io`, `invalid-data` */
export async function imageInfo(file: ImageInput): Promise<ImageInfo> {
  const { height, width, space, pages, depth, orientation, pageHeight } = await guarded(
    nameOfImage(file),
    () => openImage(file).metadata(),
  );
  const sides: [number, number] = [pageHeight ?? height, width];
  const [h, w] = (orientation ?? 1) >= 5 ? [sides[1], sides[0]] : sides;
  return { height: h, width: w, channels: isGrey(space) ? 1 : 3, pages: pages ?? 1, depth: bitsOf(depth) };
}

export const isGrey = (space: string | undefined): boolean => space === "b-w" || space === "grey16";

export const bitsOf = (depth: string | undefined): number =>
  depth === "ushort" || depth === "short" ? 16 : depth === "uchar" || depth === "char" ? 8 : 32;

/** Runs a decoder; its failure becomes one line that names the file. */
export async function guarded<T>(file: string, decode: () => Promise<T>): Promise<T> {
  try {
    return await decode();
  } catch (error) {
    if (error instanceof GmrError) throw error;
    const reason = reasonOf(error).split("\n")[0];
    const missing = /missing|no such file/i.test(reason);
    throw new GmrError(
      missing ? "io" : "invalid-data",
      `${file}: ${missing ? "no such file" : `not an image, or a damaged one (${reason})`}`,
      { cause: error },
    );
  }
}
