/** Writers of the formats that data sets come in, for tests only. */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { zipSync } from "fflate";
import * as h5wasm from "h5wasm/node";
import sharp from "sharp";

/** A new folder. */
export const temporaryFolder = (): string => mkdtempSync(path.join(os.tmpdir(), "gmr-data-"));

/** Writes a file, with the folders that it needs. */
export function put(file: string, content: string | Uint8Array): string {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, content);
  return file;
}

/** A little picture: `value` everywhere, 255 − `value` in the upper left pixel. */
export async function putImage(
  file: string,
  value: number,
  { height = 4, width = 4, channels = 3 as 1 | 2 | 3 | 4 } = {},
): Promise<string> {
  mkdirSync(path.dirname(file), { recursive: true });
  const pixels = new Uint8Array(height * width * channels).fill(value);
  pixels.fill(255 - value, 0, Math.min(3, channels));
  if (channels === 2 || channels === 4)
    for (let i = channels - 1; i < pixels.length; i += channels) pixels[i] = 255;
  return putPixels(file, pixels, width, channels);
}

/** Pixels of 8 or 16 bit as a file, TIFF without loss. */
export async function putPixels(
  file: string,
  pixels: Uint8Array | Uint16Array,
  width: number,
  channels: 1 | 2 | 3 | 4 = 1,
): Promise<string> {
  const deep = pixels instanceof Uint16Array;
  const grey = channels <= 2;
  const image = sharp(pixels, { raw: { width, height: pixels.length / width / channels, channels } });
  image.toColourspace(deep ? (grey ? "grey16" : "rgb16") : grey ? "b-w" : "srgb");
  if (/\.tiff?$/.test(file)) image.tiff({ compression: "lzw" });
  await image.toFile(file);
  return file;
}

/** A .npy file. */
export function npy(
  data: Uint8Array | Int32Array | Float32Array,
  shape: readonly number[],
  descr: string,
): Uint8Array {
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(", ")},), }`;
  const header = `${text.padEnd(117)}\n`;
  const bytes = new Uint8Array(10 + header.length + data.byteLength);
  bytes.set([0x93, ...new TextEncoder().encode("NUMPY"), 1, 0, header.length & 255, header.length >> 8]);
  bytes.set(new TextEncoder().encode(header), 10);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 10 + header.length);
  return bytes;
}

/** A .npz archive. */
export const npz = (arrays: Record<string, Uint8Array>): Uint8Array =>
  zipSync(Object.fromEntries(Object.entries(arrays).map(([name, bytes]) => [`${name}.npy`, bytes])));

/** An HDF5 file of one data set of bytes. */
export async function putHdf5(file: string, key: string, data: Uint8Array, shape: number[]): Promise<void> {
  await h5wasm.ready;
  mkdirSync(path.dirname(file), { recursive: true });
  const written = new h5wasm.File(file, "w");
  written.create_dataset({ name: key, data, shape, dtype: "<B" });
  written.close();
}

/** A NIfTI-1 file of 16-bit numbers [D, H, W], slope and intercept. */
export function nifti(
  data: Int16Array,
  [depth, height, width]: number[],
  slope = 1,
  intercept = 0,
): Uint8Array {
  const bytes = new Uint8Array(352 + data.byteLength);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, 348, true);
  [3, width, height, depth, 1, 1, 1, 1].forEach((size, i) => {
    view.setInt16(40 + 2 * i, size, true);
  });
  view.setInt16(70, 4, true); // int16
  view.setInt16(72, 16, true);
  [1, 0.5, 1, 2].forEach((size, i) => {
    view.setFloat32(76 + 4 * i, size, true);
  });
  view.setFloat32(108, 352, true);
  view.setFloat32(112, slope, true);
  view.setFloat32(116, intercept, true);
  bytes.set(new TextEncoder().encode("n+1\0"), 344);
  data.forEach((value, i) => {
    view.setInt16(352 + 2 * i, value, true);
  });
  return bytes;
}

/** A CIFAR record: labels, then the planes, each of one value. */
export function cifarRecord(labels: number[], [r, g, b]: number[]): Uint8Array {
  const record = new Uint8Array(labels.length + 3072);
  record.set(labels);
  [r, g, b].forEach((value, c) => {
    record.fill(value, labels.length + c * 1024, labels.length + (c + 1) * 1024);
  });
  return record;
}

/** Bytes one after the other. */
export const concat = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts));

/** A cube of half the given size around a point, as an OFF file. */
export function offCube(half = 1, header = "OFF\n8 6 0\n"): string {
  const corners = [-half, half].flatMap((z) =>
    [-half, half].flatMap((y) => [-half, half].map((x) => `${x} ${y} ${z}`)),
  );
  const faces = ["4 0 1 3 2", "4 4 6 7 5", "4 0 4 5 1", "4 2 3 7 6", "4 0 2 6 4", "4 1 5 7 3"];
  return `${header}${corners.join("\n")}\n${faces.join("\n")}\n`;
}
