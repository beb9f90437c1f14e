/** NIfTI volumes, plain or gzip. */
import { checkBytes, checkLength, GmrError, reasonOf } from "@gmr-conv/core";
import * as nifti from "nifti-reader-js";

export interface NiftiVolume {
  /** Sizes [D, H, W, T] of slices, rows, columns, and further axes together (time, channels), else 1. */
  shape: [number, number, number, number];
  /** Flat, the last of `shape` fastest, scaled by the file's slope and intercept. */
  data: Float32Array;
  /** Millimetres between slices, rows and columns. */
  spacing: [number, number, number];
}

/**
 * Reads a NIfTI file.
 * @param name for error messages
 * @throws GmrError `invalid-data` for a file that is not NIfTI or is damaged, `unsupported` for element types other
 *   than real numbers
 */
export function readNifti(bytes: Uint8Array, name = "NIfTI data"): NiftiVolume {
  const fail = (problem: string, code: "invalid-data" | "unsupported" = "invalid-data"): never => {
    throw new GmrError(code, `${name}: ${problem}`);
  };
  checkBytes(name, bytes);
  let file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  let header: nifti.NIFTI1 | nifti.NIFTI2 | null = null;
  try {
    if (nifti.isCompressed(file)) file = nifti.decompress(file) as ArrayBuffer;
    if (nifti.isNIFTI(file)) header = nifti.readHeader(file);
  } catch (error) {
    return fail(`damaged (${reasonOf(error)})`);
  }
  if (!header) return fail("not a NIfTI file");
  const { dims, datatypeCode, littleEndian } = header;
  const [columns, rows, slices] = [1, 2, 3].map((axis) => (axis <= dims[0] ? Math.max(1, dims[axis]) : 1));
  let times = 1;
  for (let axis = 4; axis <= dims[0]; axis++) times *= Math.max(1, dims[axis]);
  const read = READERS[datatypeCode];
  if (!read) {
    return fail(
      `element type ${header.getDatatypeCodeString(datatypeCode)} (${datatypeCode})`,
      "unsupported",
    );
  }
  const [size, get] = read;
  const count = columns * rows * slices * times;
  const start = header.vox_offset;
  if (file.byteLength < start + count * size) {
    fail(
      `truncated: ${file.byteLength} bytes, expected ${start + count * size} ` +
        `for [${slices}, ${rows}, ${columns}, ${times}]`,
    );
  }
  const view = new DataView(file, start, count * size);
  const slope = Number.isFinite(header.scl_slope) && header.scl_slope !== 0 ? header.scl_slope : 1;
  const intercept = Number.isFinite(header.scl_inter) && header.scl_slope !== 0 ? header.scl_inter : 0;
  const data = new Float32Array(count);
  const each = columns * rows * slices;
  for (let t = 0; t < times; t++) {
    for (let i = 0; i < each; i++) {
      data[i * times + t] = get(view, (t * each + i) * size, littleEndian) * slope + intercept;
    }
  }
  const spacing = [3, 2, 1].map((axis) => Math.abs(header.pixDims[axis]) || 1) as [number, number, number];
  return { shape: [slices, rows, columns, times], data, spacing };
}

/**
 * A mask as a NIfTI file of bytes with the header, and so the position in space, of another file's volume.
 * @param like the file of the volume, plain or gzip
 * @param mask [D, H, W] flat
 * @throws GmrError `invalid-data` for a file that is not NIfTI, `invalid-shape` for a mask of another size
 */
export function niftiMask(like: Uint8Array, mask: Uint8Array, name = "NIfTI data"): Uint8Array {
  const { shape } = readNifti(like, name);
  checkLength("mask", mask, shape[0] * shape[1] * shape[2], `[${shape.slice(0, 3)}]`);
  const packed = like.buffer.slice(like.byteOffset, like.byteOffset + like.byteLength) as ArrayBuffer;
  const file = nifti.isCompressed(packed) ? (nifti.decompress(packed) as ArrayBuffer) : packed;
  const { littleEndian, vox_offset: offset, dims } = nifti.readHeader(file) as nifti.NIFTI1;
  const out = new Uint8Array(offset + mask.length);
  out.set(new Uint8Array(file, 0, offset));
  out.set(mask, offset);
  const view = new DataView(out.buffer);
  const second = nifti.isNIFTI2(file);
  const at = second ? HEADER_2 : HEADER_1;
  view.setInt16(at.type, 2, littleEndian); // bytes
  view.setInt16(at.type + 2, 8, littleEndian);
  for (let axis = 0; axis <= 7; axis++) {
    const length = axis === 0 ? Math.min(3, dims[0]) : axis > 3 ? 1 : Math.max(1, dims[axis]);
    if (second) view.setBigInt64(at.dims + 8 * axis, BigInt(length), littleEndian);
    else view.setInt16(at.dims + 2 * axis, length, littleEndian);
  }
  // Slope and intercept, then the display window.
  [1, 0].forEach((value, i) => {
    if (second) view.setFloat64(at.slope + 8 * i, value, littleEndian);
    else view.setFloat32(at.slope + 4 * i, value, littleEndian);
  });
  [0, 0].forEach((value, i) => {
    if (second) view.setFloat64(at.window + 8 * i, value, littleEndian);
    else view.setFloat32(at.window + 4 * i, value, littleEndian);
  });
  return out;
}

/** Offsets of the fields that change, in both versions of the header (https://nifti.nimh.nih.gov). */
const HEADER_1 = { dims: 40, type: 70, slope: 112, window: 124 };
const HEADER_2 = { dims: 16, type: 12, slope: 176, window: 192 };

type Reader = [size: number, get: (view: DataView, at: number, little: boolean) => number];

/** By NIfTI's codes of element types. */
const READERS: Readonly<Record<number, Reader>> = {
  2: [1, (view, at) => view.getUint8(at)],
  4: [2, (view, at, little) => view.getInt16(at, little)],
  8: [4, (view, at, little) => view.getInt32(at, little)],
  16: [4, (view, at, little) => view.getFloat32(at, little)],
  64: [8, (view, at, little) => view.getFloat64(at, little)],
  256: [1, (view, at) => view.getInt8(at)],
  512: [2, (view, at, little) => view.getUint16(at, little)],
  768: [4, (view, at, little) => view.getUint32(at, little)],
  1024: [8, (view, at, little) => Number(view.getBigInt64(at, little))],
  1280: [8, (view, at, little) => Number(view.getBigUint64(at, little))],
};
