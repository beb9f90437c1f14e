/** An IDX writer, for tests only. */
import type { IdxArray, IdxType } from "../formats/idx.ts";

const CODES: Record<IdxType, number> = {
  uint8: 0x08,
  int8: 0x09,
  int16: 0x0b,
  int32: 0x0c,
  float32: 0x0d,
  float64: 0x0e,
};

/** The file of an array: header and big-endian elements. */
export function writeIdx({ type, dims, data }: IdxArray): Uint8Array {
  const header = 4 + 4 * dims.length;
  const view = new DataView(new ArrayBuffer(header + data.byteLength));
  view.setUint8(2, CODES[type]);
  view.setUint8(3, dims.length);
  dims.forEach((size, axis) => {
    view.setUint32(4 + 4 * axis, size);
  });
  data.forEach((value, i) => {
    const at = header + i * data.BYTES_PER_ELEMENT;
    if (type === "uint8") view.setUint8(at, value);
    else if (type === "int8") view.setInt8(at, value);
    else if (type === "int16") view.setInt16(at, value);
    else if (type === "int32") view.setInt32(at, value);
    else if (type === "float32") view.setFloat32(at, value);
    else view.setFloat64(at, value);
  });
  return new Uint8Array(view.buffer);
}

/** A uint8 IDX file. */
export function writeBytes(dims: number[], values: ArrayLike<number>): Uint8Array {
  return writeIdx({ type: "uint8", dims, data: Uint8Array.from(values) });
}
