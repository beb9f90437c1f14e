// Image files as arrays, by libvips: PNG, JPEG, TIFF, WebP and what else it reads.
//
// The rules: EXIF orientation is applied; transparency is laid on a background; grey is ITU-R 601 luma; 8-bit images stay
// bytes; deeper ones become floats by their range.

import { describeValue, GmrError, oneOf, reasonOf } from "@gmr-conv/core";
import sharp from "sharp";

/**
 * How deeper images than 8 bit become numbers from 0 to 1: by the image's own percentiles (`"auto"`: the 1st becomes 0, the 99.8th
 * 1, what lies beyond is cut), by its own extremes (`"image"`), by what their type can hold (`"type"`), or by two given values.
 */
export type DepthRange = "auto" | "image" | "type" | readonly [low: number, high: number];

/**
 * What becomes of an image of another size: scaled until it covers the size and cut to it around the middle (`"crop"`), scaled
 * in both directions (`"stretch"`), scaled until it fits and laid on the background (`"pad"`), or refused (`"none"`).
 */
export type ResizeRule = "crop" | "stretch" | "pad" | "none";

export interface DecodeOptions {
  /** [height, width]; default: that of the image. */
  size?: readonly [number, number] | undefined;
  /** Default `"crop"`. */
  resize?: ResizeRule | undefined;
  /** 1 (grey) or 3 (RGB); default: as the image has. */
  channels?: 1 | 3 | undefined;
  /** Red, green, blue from 0 to 255 behind what is transparent, and around what is padded. Default black. */
  background?: readonly [number, number, number] | undefined;
  /** Default `"auto"`. */
  range?: DepthRange | undefined;
}

/** [height, width, channels] flat; bytes, or floats from 0 to 1. */
export interface DecodedImage {
  data: Uint8Array | Float32Array;
  shape: [number, number, number];
}

export interface ImageInfo {
  height: number;
  width: number;
  /** Without transparency. */
  channels: 1 | 3;
  pages: number;
  /** Bits per channel. */
  depth: number;
}

/** Ends of names that are taken for images. */
const ENDINGS = /\.(png|jpe?g|tiff?|webp|gif|avif)$/i;

export const isImageFile = (name: string): boolean => ENDINGS.test(name);

/** What a file's header says, turned as EXIF tells. @throws GmrError `invalid-data` */
export async function imageInfo(file: string): Promise<ImageInfo> {
  const { height, width, space, pages, depth, orientation, pageHeight } = await guarded(file, () =>
    sharp(file, { limitInputPixels: false }).metadata(),
  );
  const sides: [number, number] = [pageHeight ?? height, width];
  const [h, w] = (orientation ?? 1) >= 5 ? [sides[1], sides[0]] : sides;
  return { height: h, width: w, channels: isGrey(space) ? 1 : 3, pages: pages ?? 1, depth: bitsOf(depth) };
}

const isGrey = (space: string | undefined): boolean => space === "b-w" || space === "grey16";

const bitsOf = (depth: string | undefined): number =>
  depth === "ushort" || depth === "short" ? 16 : depth === "uchar" || depth === "char" ? 8 : 32;

/**
 * Reads an image file.
 * @throws GmrError `invalid-data` for a file that is damaged, no image, or of another size where that is refused
 */
export async function decodeImage(
  file: string | Uint8Array,
  options: DecodeOptions = {},
): Promise<DecodedImage> {
  return decode(file, options);
}

/** A part of an image, in pixels. */
export interface Region {
  left: number;
  top: number;
  width: number;
  height: number;
}

/**
 * Reads a part of an image file, without the rest where the format allows that (tiled TIFF). EXIF orientation is not applied.
 * @throws GmrError as {@link decodeImage}; `invalid-data` for a part that lies outside
 */
export async function decodeRegion(
  file: string,
  region: Region,
  options: DecodeOptions = {},
): Promise<DecodedImage> {
  return decode(file, options, region);
}

/** Numbers of a strip that {@link imageLimits} reads at a time. */
const STRIP = 2 ** 24;

/**
 * What becomes 0 and 1 where parts of an image are read that is deeper than 8 bit, so that all parts are read alike: the same as where
 * it is read as a whole. Reads the image once, strip by strip.
 * @returns undefined for images of 8 bit, which need none
 * @throws GmrError as {@link decodeImage}
 */
export async function imageLimits(
  file: string,
  range: DepthRange = "auto",
): Promise<readonly [low: number, high: number] | undefined> {
  const { height, width, depth } = await imageInfo(file);
  if (depth <= 8) return undefined;
  if (range === "type") return [0, 65_535];
  if (range !== "auto" && range !== "image") return limitsOf([], range, 65_535);
  return guarded(file, async () => {
    const { space } = await sharp(file).metadata();
    const counts = new Float64Array(65_536);
    const rows = Math.max(1, Math.floor(STRIP / width));
    for (let top = 0; top < height; top += rows) {
      const { data } = await sharp(file, { limitInputPixels: false, failOn: "warning" })
        .extract({ left: 0, top, width, height: Math.min(rows, height - top) })
        .toColourspace(isGrey(space) ? "grey16" : "rgb16")
        .removeAlpha()
        .raw({ depth: "ushort" })
        .toBuffer({ resolveWithObject: true });
      for (const value of new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2)) counts[value]++;
    }
    const total = counts.reduce((a, b) => a + b, 0);
    const at = (share: number): number => {
      let left = Math.round(share * (total - 1));
      return counts.findIndex((count) => {
        left -= count;
        return left < 0;
      });
    };
    return range === "image" ? [at(0), at(1)] : [at(LOW_SHARE), at(HIGH_SHARE)];
  });
}

/** Shares of the values that become 0 and 1 at most, with the range `"auto"`. */
const [LOW_SHARE, HIGH_SHARE] = [0.01, 0.998];

async function decode(
  file: string | Uint8Array,
  options: DecodeOptions,
  region?: Region,
): Promise<DecodedImage> {
  const name = typeof file === "string" ? file : "the image";
  const { size, background = [0, 0, 0] } = options;
  const resize = oneOf("resize", options.resize ?? "crop", ["crop", "stretch", "pad", "none"]);
  return guarded(name, async () => {
    const image = sharp(file, { limitInputPixels: false, failOn: "warning", sequentialRead: !region });
    if (region)
      image.extract({ left: region.left, top: region.top, width: region.width, height: region.height });
    else image.autoOrient();
    const { space, depth, hasAlpha } = await image.metadata();
    const deep = bitsOf(depth) > 8;
    const [r, g, b] = background;
    if (hasAlpha) image.flatten({ background: { r, g, b } });
    if (size) {
      const fit = { crop: "cover", stretch: "fill", pad: "contain", none: "fill" } as const;
      const [height, width] = size;
      if (resize === "none") {
        const { autoOrient } = await image.metadata();
        if (autoOrient.height !== height || autoOrient.width !== width) {
          throw new GmrError(
            "invalid-data",
            `${name}: ${autoOrient.height}×${autoOrient.width} pixels, expected ${height}×${width}`,
          );
        }
      } else image.resize({ height, width, fit: fit[resize], background: { r, g, b }, kernel: "linear" });
    }
    const grey = isGrey(space);
    image.toColourspace(deep ? (grey ? "grey16" : "rgb16") : grey ? "b-w" : "srgb");
    const { data, info } = await image
      .raw({ depth: deep ? "ushort" : "uchar" })
      .toBuffer({ resolveWithObject: true });
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const values = deep ? new Uint16Array(bytes.slice().buffer) : bytes;
    const own = grey ? 1 : 3;
    const kept = own === info.channels ? values : values.filter((_, i) => i % info.channels < own);
    const channels = options.channels ?? own;
    const converted = channelsOf(kept, own, channels);
    return {
      data: converted instanceof Uint8Array ? converted : scaled(converted, options.range ?? "auto", 65_535),
      shape: [info.height, info.width, channels],
    };
  });
}

/** Grey as RGB, or RGB as grey. */
function channelsOf<T extends Uint8Array | Uint16Array>(values: T, from: 1 | 3, to: 1 | 3): T {
  if (from === to) return values;
  const pixels = values.length / from;
  const result = new (values.constructor as Uint8ArrayConstructor)(pixels * to) as T;
  for (let i = 0; i < pixels; i++) {
    if (from === 1) result.fill(values[i], 3 * i, 3 * i + 3);
    else
      result[i] = Math.round(0.299 * values[3 * i] + 0.587 * values[3 * i + 1] + 0.114 * values[3 * i + 2]);
  }
  return result;
}

/** Numbers from 0 to 1. @throws GmrError `invalid-argument` for a range that is none */
export function scaled(values: ArrayLike<number>, range: DepthRange, most: number): Float32Array {
  const [low, high] = limitsOf(values, range, most);
  const span = high > low ? high - low : 1;
  return Float32Array.from(values, (value) => Math.min(1, Math.max(0, (value - low) / span)));
}

function limitsOf(values: ArrayLike<number>, range: DepthRange, most: number): readonly [number, number] {
  if (range === "type") return [0, most];
  if (range === "image" || range === "auto") {
    const sorted = Float32Array.from(values).sort();
    const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))];
    return range === "image" ? [at(0), at(1)] : [at(LOW_SHARE), at(HIGH_SHARE)];
  }
  if (Array.isArray(range) && range.length === 2 && range[0] < range[1]) return [range[0], range[1]];
  throw new GmrError(
    "invalid-argument",
    `range must be "auto", "image", "type" or two rising numbers, got ${describeValue(range)}`,
  );
}

/** The numbers of a mask file, [height, width] flat, or [pages, height, width] with `pages`. @throws GmrError `invalid-data` */
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
        `${file}: a mask must be grey, each number a class or an object; this is ${space}`,
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

/** The pages of a grey TIFF as a volume [pages, height, width, 1], from 0 to 1. @throws GmrError `invalid-data` */
export async function decodePages(
  file: string,
  range: DepthRange = "auto",
): Promise<{ data: Float32Array; shape: number[] }> {
  const { data, shape } = await decodeMask(file, true);
  const { depth } = await imageInfo(file);
  const byByte = depth === 8 && range === "auto";
  return { data: scaled(data, byByte ? [0, 255] : range, depth === 8 ? 255 : 65_535), shape: [...shape, 1] };
}

/** Runs a decoder; what it fails with becomes one line that names the file. */
async function guarded<T>(file: string, decode: () => Promise<T>): Promise<T> {
  try {
    return await decode();
  } catch (error) {
    if (error instanceof GmrError) throw error;
    const reason = reasonOf(error).split("\n")[0];
    const missing = /missing|no such file/i.test(reason);
    throw new GmrError(
      missing ? "io" : "invalid-data",
      `${file}: ${missing ? "no such file" : `not an image, or a damaged one (${reason})`}`,
      {
        cause: error,
      },
    );
  }
}
