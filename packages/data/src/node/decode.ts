// Image files as arrays, read by libvips: PNG, JPEG, TIFF, WebP and others.
//
// EXIF orientation is applied; transparent pixels are laid on a background; grey is ITU-R 601 luma; 8-bit images stay
// bytes; deeper ones become floats by their range.

import { checkKeys, GmrError, type KeysOf, oneOf } from "@gmr-conv/core";
import sharp, { type Sharp } from "sharp";
import { convertChannels } from "../channels.ts";
import { type DepthRange, MAX_16_BIT, scaled } from "../depthRange.ts";
import type { ResizeRule } from "../resize.ts";
import { bitsOf, guarded, imageInfo, isGrey } from "./imageInfo.ts";
import { type ImageInput, nameOfImage, openImage } from "./openImage.ts";

export interface DecodeOptions {
  /** [height, width]; default: the image's own. */
  size?: readonly [number, number] | undefined;
  /** Default `"crop"`. */
  resize?: ResizeRule | undefined;
  /** 1 (grey) or 3 (RGB); default: as in the image. */
  channels?: 1 | 3 | undefined;
  /** Red, green, blue from 0 to 255 behind transparent pixels and in the padding. Default black. */
  background?: readonly [number, number, number] | undefined;
  /** Default `"auto"`. */
  range?: DepthRange | undefined;
}

const KEYS: KeysOf<DecodeOptions> = {
  size: true,
  resize: true,
  channels: true,
  background: true,
  range: true,
};

/** [height, width, channels] flat; bytes, or floats from 0 to 1. */
export interface DecodedImage {
  data: Uint8Array | Float32Array;
  shape: [number, number, number];
}

/**
 * Reads an image file, or brings pixels into the same form.
 * @throws GmrError `io`; `invalid-data` for a file that is not an image, is damaged, or has a size that is refused
 */
export async function decodeImage(file: ImageInput, options: DecodeOptions = {}): Promise<DecodedImage> {
  return decode(file, checkKeys("the options of decodeImage", options, KEYS));
}

/** A part of an image, in pixels. */
export interface Region {
  left: number;
  top: number;
  width: number;
  height: number;
}

/**
 * Reads a part of an image file, without the rest where the format allows that (tiled TIFF). EXIF orientation is not
 * applied.
 * @throws GmrError as {@link decodeImage}; `invalid-data` for a region outside the image
 */
export async function decodeRegion(
  file: string,
  region: Region,
  options: DecodeOptions = {},
): Promise<DecodedImage> {
  return decode(file, checkKeys("the options of decodeRegion", options, KEYS), region);
}

async function decode(file: ImageInput, options: DecodeOptions, region?: Region): Promise<DecodedImage> {
  const name = nameOfImage(file);
  const rule = oneOf("resize", options.resize ?? "crop", ["crop", "stretch", "pad", "none"]);
  return guarded(name, async () => {
    const image = openImage(file, { failOn: "warning", sequentialRead: !region });
    if (region)
      image.extract({ left: region.left, top: region.top, width: region.width, height: region.height });
    else image.autoOrient();
    const { space, depth, hasAlpha } = await image.metadata();
    const [r, g, b] = options.background ?? [0, 0, 0];
    if (hasAlpha) image.flatten({ background: { r, g, b } });
    await resize(image, name, rule, options);
    const [deep, grey] = [bitsOf(depth) > 8, isGrey(space)];
    image.toColourspace(deep ? (grey ? "grey16" : "rgb16") : grey ? "b-w" : "srgb");
    const { data, info } = await image
      .raw({ depth: deep ? "ushort" : "uchar" })
      .toBuffer({ resolveWithObject: true });
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const values = deep ? new Uint16Array(bytes.slice().buffer) : bytes;
    const own = grey ? 1 : 3;
    const kept = own === info.channels ? values : values.filter((_, i) => i % info.channels < own);
    const channels = options.channels ?? own;
    const converted = convertChannels(kept, own, channels);
    return {
      data:
        converted instanceof Uint8Array ? converted : scaled(converted, options.range ?? "auto", MAX_16_BIT),
      shape: [info.height, info.width, channels],
    };
  });
}

const FIT = { crop: "cover", stretch: "fill", pad: "contain" } as const;

/**
 * Brings an image to the wanted size, if there is one.
 * @throws GmrError `invalid-data` where another size is refused
 */
async function resize(
  image: Sharp,
  name: string,
  rule: ResizeRule,
  { size, background = [0, 0, 0] }: DecodeOptions,
): Promise<void> {
  if (!size) return;
  const [height, width] = size;
  if (rule !== "none") {
    const [r, g, b] = background;
    image.resize({ height, width, fit: FIT[rule], background: { r, g, b }, kernel: "linear" });
    return;
  }
  const { autoOrient } = await image.metadata();
  if (autoOrient.height === height && autoOrient.width === width) return;
  throw new GmrError(
    "invalid-data",
    `${name}: ${autoOrient.height}×${autoOrient.width} pixels, expected ${height}×${width}`,
  );
}

/**
 * The numbers of a mask file, [height, width] flat, or [pages, height, width].
 * @throws GmrError `io`, `invalid-data`
 */
export async function decodeMask(
  file: string,
  pages = false,
): Promise<{ data: Uint16Array; shape: number[] }> {
  return guarded(file, async () => {
    const image = sharp(file, { limitInputPixels: false, pages: pages ? -1 : 1 });
    if (!pages) image.autoOrient();
    const { space, depth } = await image.metadata();
    if (!isGrey(space)) {
      throw new GmrError(
        "invalid-data",
        `${file}: masks must be grey, each number a class or an object; this one is ${space}`,
      );
    }
    const deep = bitsOf(depth) > 8;
    const { data, info } = await image
      .toColourspace(deep ? "grey16" : "b-w")
      .extractChannel(0)
      .raw({ depth: deep ? "ushort" : "uchar" })
      .toBuffer({ resolveWithObject: true });
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
    const values = deep ? new Uint16Array(bytes.buffer) : Uint16Array.from(bytes);
    const count = info.pages ?? 1;
    return {
      data: values,
      shape: pages ? [count, info.height / count, info.width] : [info.height, info.width],
    };
  });
}

/**
 * The pages of a grey TIFF as a volume [pages, height, width, 1], from 0 to 1.
 * @throws GmrError `io`, `invalid-data`
 */
export async function decodePages(
  file: string,
  range: DepthRange = "auto",
): Promise<{ data: Float32Array; shape: number[] }> {
  const { data, shape } = await decodeMask(file, true);
  const { depth } = await imageInfo(file);
  const most = depth === 8 ? 255 : MAX_16_BIT;
  const bytes = depth === 8 && range === "auto";
  return { data: scaled(data, bytes ? [0, 255] : range, most), shape: [...shape, 1] };
}
