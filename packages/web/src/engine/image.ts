// Images as the network's training images were read: turned as EXIF says, laid on a background, of the network's size.

import { GmrError, reasonOf } from "@gmr-conv/core";
import { convertChannels, resizeImage } from "@gmr-conv/data";
import type { SentImage } from "../protocol.ts";
import { openDeepPng } from "./deepPng.ts";
import { fetchBytes } from "./fetchFile.ts";
import { isDeepPng, isJpeg, kindOfFile } from "./fileKind.ts";
import type { OpenImage } from "./openImage.ts";

/**
 * Decodes an image, or opens pixels.
 * @throws GmrError `io` for an address that gives no file, `invalid-data` for a file that is no image; the signal's
 *   reason
 */
export async function openImage(image: SentImage, signal: AbortSignal): Promise<OpenImage> {
  if (typeof image === "string") {
    const bytes = await fetchBytes(image, "an image", signal);
    return openFile(new Blob([bytes]), image);
  }
  if (image instanceof Blob) return openFile(image, "name" in image ? String(image.name) : "the image");
  if (image instanceof ImageData) return openPixels(image);
  return openBitmap(image);
}

async function openFile(file: Blob, name: string): Promise<OpenImage> {
  const start = new Uint8Array(await file.slice(0, 64).arrayBuffer());
  try {
    if (isDeepPng(start)) return openDeepPng(new Uint8Array(await file.arrayBuffer()));
    return openBitmap(await createImageBitmap(file), isJpeg(start));
  } catch (error) {
    throw new GmrError(
      "invalid-data",
      `${name}: expected an image that this browser can read (PNG, JPEG, WebP, GIF, BMP or AVIF), got ` +
        `${kindOfFile(start, file.size)} (${reasonOf(error)})`,
      { cause: error },
    );
  }
}

/** Bytes [height, width, 3] of some rows, on a background. */
type ReadRows = (top: number, height: number, background: readonly number[]) => Uint8Array;

const BLACK = [0, 0, 0] as const;

/** Pixels to draw at a time: more would need much memory twice. */
const PIXELS_AT_A_TIME = 2 ** 22;

function openBitmap(bitmap: ImageBitmap, jpeg = false): OpenImage {
  const { width, height } = bitmap;
  return opened(
    width,
    height,
    (top, rows, [r, g, b]) => {
      const context = contextOf(width, rows);
      context.fillStyle = `rgb(${r} ${g} ${b})`;
      context.fillRect(0, 0, width, rows);
      context.drawImage(bitmap, 0, -top);
      return withoutAlpha(context.getImageData(0, 0, width, rows).data);
    },
    { jpeg, close: () => bitmap.close() },
  );
}

type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

function contextOf(width: number, height: number): Context {
  const canvas =
    typeof OffscreenCanvas === "function"
      ? new OffscreenCanvas(width, height)
      : Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true }) as Context | null;
  if (context) return context;
  throw new GmrError(
    "out-of-memory",
    `no canvas of ${width}×${height} pixels could be made to read the image`,
  );
}

function withoutAlpha(rgba: Uint8ClampedArray): Uint8Array {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4) {
    rgb[to++] = rgba[from];
    rgb[to++] = rgba[from + 1];
    rgb[to++] = rgba[from + 2];
  }
  return rgb;
}

function openPixels({ data, width, height }: ImageData): OpenImage {
  return opened(width, height, (top, rows, background) => {
    const rgb = new Uint8Array(rows * width * 3);
    for (let from = 4 * top * width, to = 0; to < rgb.length; from += 4) {
      const alpha = data[from + 3] / 255;
      for (let c = 0; c < 3; c++)
        rgb[to++] = Math.round(alpha * data[from + c] + (1 - alpha) * background[c]);
    }
    return rgb;
  });
}

function opened(
  width: number,
  height: number,
  readRows: ReadRows,
  { jpeg = false, close = (): void => undefined } = {},
): OpenImage {
  return {
    width,
    height,
    fitted([h, w, channels], { resize = "crop", background = BLACK }) {
      const rgb = new Uint8Array(height * width * 3);
      const rows = Math.max(1, Math.floor(PIXELS_AT_A_TIME / width));
      for (let top = 0; top < height; top += rows) {
        rgb.set(readRows(top, Math.min(rows, height - top), background), top * width * 3);
      }
      const sized = resizeImage(rgb, [height, width, 3], [h, w], resize, background, jpeg);
      return Float32Array.from(convertChannels(sized, 3, channels as 1 | 3), (byte) => byte / 255);
    },
    reader:
      (channels, { background = BLACK }) =>
      (top, rows) =>
        convertChannels(readRows(top, rows, background), 3, channels as 1 | 3),
    close,
  };
}
