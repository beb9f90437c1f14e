import type { ImageReading } from "../description.ts";

/** An image whose pixels can be read. */
export interface OpenImage {
  width: number;
  height: number;
  /** The image in the network's size, [h, w, c] flat, from 0 to 1. */
  fitted(shape: readonly [number, number, number], reading: ImageReading): Float32Array;
  /** A function that reads some of the image's rows, [height, width, channels] flat, in bytes or from 0 to 1. */
  reader(channels: number, reading: ImageReading): (top: number, height: number) => Uint8Array | Float32Array;
  close(): void;
}
