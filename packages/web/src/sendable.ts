// Images in a form that a worker can receive: elements become bitmaps, addresses become absolute.

import { describeValue, GmrError, reasonOf, typeName } from "@gmr-conv/core";
import type { SentImage } from "./protocol.ts";
import type { ImageSource } from "./types.ts";

export interface Sendable {
  image: SentImage;
  transfer: Transferable[];
}

/**
 * @throws GmrError `invalid-argument` for something that is not an image; `invalid-data` for an element without a
 *   picture
 */
export async function sendable(source: ImageSource): Promise<Sendable> {
  if (typeof source === "string" || source instanceof URL) {
    return { image: absolute(source), transfer: [] };
  }
  // Not instanceof: elements may be those of a frame.
  switch (typeName(source)) {
    case "Blob":
    case "File":
    case "ImageData":
    case "ImageBitmap":
      return { image: source as Blob | ImageData | ImageBitmap, transfer: [] };
    case "HTMLImageElement":
      return fromImage(source as HTMLImageElement);
    case "HTMLVideoElement":
      if ((source as HTMLVideoElement).readyState < 2) {
        throw new GmrError("invalid-data", 'the video has no picture yet: wait for its event "loadeddata"');
      }
      return bitmap("the video", source as HTMLVideoElement);
    case "HTMLCanvasElement":
    case "OffscreenCanvas":
      return bitmap("the canvas", source as HTMLCanvasElement | OffscreenCanvas);
    default:
      throw new GmrError(
        "invalid-argument",
        "image must be a file (Blob), ImageData, an ImageBitmap, an <img>, <video> or <canvas> element, an OffscreenCanvas " +
          `or an address, got ${describeValue(source)}`,
      );
  }
}

/** @throws GmrError `invalid-argument` */
export function absolute(address: string | URL): string {
  try {
    return new URL(address, globalThis.document?.baseURI ?? globalThis.location?.href).href;
  } catch (error) {
    throw new GmrError("invalid-argument", `${describeValue(String(address))} is not an address`, {
      cause: error,
    });
  }
}

async function fromImage(element: HTMLImageElement): Promise<Sendable> {
  try {
    await element.decode();
  } catch (error) {
    const address = element.currentSrc || element.src;
    throw new GmrError(
      "invalid-data",
      `the <img> element has no picture: ${address ? `${address} could not be loaded` : "it has no src"}`,
      { cause: error },
    );
  }
  return bitmap("the <img> element", element);
}

async function bitmap(
  what: string,
  source: HTMLImageElement | HTMLVideoElement | HTMLCanvasElement | OffscreenCanvas,
): Promise<Sendable> {
  try {
    const image = await createImageBitmap(source);
    return { image, transfer: [image] };
  } catch (error) {
    throw new GmrError("invalid-data", `${what} has no pixels to read: ${reasonOf(error)}`, { cause: error });
  }
}
