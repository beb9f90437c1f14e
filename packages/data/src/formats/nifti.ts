/** NIfTI volumes, plain or gzip. */
import { checkBytes, GmrError, reasonOf } from "@gmr-conv/core";
import * as nifti from "nifti-reader-js";

export interface NiftiVolume {
  /** [D, H, W, T]: slices, rows, columns, and what the file has beyond (time, channels), 1 where it has none. */
  shape: [number, number, number, number];
  /** Flat, the last of `shape` fastest, scaled by the file's slope and intercept. */
  data: Float32Array;
  /** Millimetres between slices, rows and columns. */
  spacing: [number, number, number];
}

/**
 * Reads a NIfTI file.
 * @param name what error messages call it
 * @throws GmrError `invalid-data` for a file that is none or is damaged, `unsupported` for element types that are no real numbers
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
      `truncated: ${file.byteLength} bytes, expected ${start + count * size} for [${slices}, ${rows}, ${columns}, ${times}]`,
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
