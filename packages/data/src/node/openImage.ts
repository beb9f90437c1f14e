// Images to decode: files, their content, or pixels.

import { describeValue, GmrError } from "@gmr-conv/core";
import sharp, { type Sharp, type SharpOptions } from "sharp";

/** Pixels in memory, row by row. */
export interface Pixels {
  /** `width · height · channels` numbers of 8 or 16 bits. */
  data: Uint8Array | Uint8ClampedArray | Uint16Array;
  width: number;
  height: number;
  /** Grey, grey and opacity, RGB, or RGB and opacity. */
  channels: 1 | 2 | 3 | 4;
}

/** An image: the path of a file, its content, or pixels. */
export type ImageInput = string | Uint8Array | Pixels;

/** An image for libvips, of any size. @throws GmrError `invalid-argument` or `invalid-shape` for invalid pixels */
export function openImage(image: ImageInput, options: SharpOptions = {}): Sharp {
  const all = { limitInputPixels: false, ...options } as const;
  if (typeof image === "string" || image instanceof Uint8Array) return sharp(image, all);
  const { data, width, height, channels } = checkPixels(image);
  return sharp(data, { ...all, raw: { width, height, channels } });
}

/** How errors name an image. */
export const nameOfImage = (image: ImageInput): string => (typeof image === "string" ? image : "the image");

function checkPixels(image: Pixels): Pixels {
  const { data, width, height, channels } = image ?? {};
  const typed =
    data instanceof Uint8Array || data instanceof Uint8ClampedArray || data instanceof Uint16Array;
  if (!typed) {
    throw new GmrError(
      "invalid-argument",
      `an image must be the path of a file, its content as a Uint8Array, or { data, width, height, channels } with ` +
        `8- or 16-bit data, got ${describeValue(image)}`,
    );
  }
  const sizes = [width, height, channels];
  if (!sizes.every((size) => Number.isSafeInteger(size) && size > 0) || channels > 4) {
    throw new GmrError(
      "invalid-shape",
      `pixels of width ${width}, height ${height} and ${channels} channels: expected positive sizes and 1 to 4 channels`,
    );
  }
  if (data.length !== width * height * channels) {
    throw new GmrError(
      "invalid-shape",
      `pixels have ${data.length} numbers, expected ${width}·${height}·${channels} = ${width * height * channels}`,
    );
  }
  return image;
}
