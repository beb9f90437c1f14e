/**
 * The IDX format of the MNIST files: two zero bytes, a type code, the number of dimensions, each dimension as a
 * big-endian uint32, then the elements, big-endian, last dimension fastest.
 * Source: https://yann.lecun.com/exdb/mnist ("The IDX file format").
 */
import { checkBytes, GmrError, product } from "@gmr-conv/core";

/** An array read from an IDX file; `data` is flat, the last of `dims` runs fastest. */
export type IdxArray = { dims: number[] } & (
  | { type: "uint8"; data: Uint8Array }
  | { type: "int8"; data: Int8Array }
  | { type: "int16"; data: Int16Array }
  | { type: "int32"; data: Int32Array }
  | { type: "float32"; data: Float32Array }
  | { type: "float64"; data: Float64Array }
);

/** Element type of an IDX file. */
export type IdxType = IdxArray["type"];

const TYPES: ReadonlyMap<number, { type: IdxType; size: number }> = new Map([
  [0x08, { type: "uint8", size: 1 }],
  [0x09, { type: "int8", size: 1 }],
  [0x0b, { type: "int16", size: 2 }],
  [0x0c, { type: "int32", size: 4 }],
  [0x0d, { type: "float32", size: 4 }],
  [0x0e, { type: "float64", size: 8 }],
]);

/**
 * Reads an IDX file. Bytes and unsigned bytes are a view of `bytes`, wider types are copied.
 *
 * @param bytes the whole uncompressed file
 * @param name for error messages, such as the path
 * @throws GmrError `invalid-data` for a wrong magic number, an unknown type code, a truncated header or body, and
 *   for bytes after the last element
 */
export function readIdx(bytes: Uint8Array, name = "IDX data"): IdxArray {
  const fail = (problem: string): never => {
    throw new GmrError("invalid-data", `${name}: ${problem}`);
  };
  checkBytes(name, bytes);
  if (bytes.length < 4) fail(`${bytes.length} bytes, expected at least the 4 bytes of an IDX magic number`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const code = bytes[2];
  const element = TYPES.get(code);
  if (bytes[0] !== 0 || bytes[1] !== 0 || element === undefined) {
    const hint = bytes[0] === 0x1f && bytes[1] === 0x8b ? " (this is gzip: decompress it first)" : "";
    return fail(
      `magic number 0x${hex(view.getUint32(0), 8)}, expected 0x0000TTNN with a type code TT of ` +
        `${[...TYPES.keys()].map((key) => `0x${hex(key, 2)}`).join(", ")}${hint}`,
    );
  }
  const rank = bytes[3];
  if (rank === 0) fail("0 dimensions, expected at least 1");
  const header = 4 + 4 * rank;
  if (bytes.length < header) {
    fail(`truncated header: ${bytes.length} bytes, expected ${header} for ${rank} dimensions`);
  }
  const dims = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const count = product(dims);
  const expected = header + count * element.size;
  if (bytes.length !== expected) {
    const problem = bytes.length < expected ? "truncated" : "trailing bytes";
    fail(`${problem}: ${bytes.length} bytes, expected ${expected} for ${element.type} [${dims.join(", ")}]`);
  }
  return { dims, ...readElements(element.type, view, header, count) };
}

function readElements(type: IdxType, view: DataView, start: number, count: number) {
  const { buffer, byteOffset } = view;
  switch (type) {
    case "uint8":
      return { type, data: new Uint8Array(buffer, byteOffset + start, count) };
    case "int8":
      return { type, data: new Int8Array(buffer, byteOffset + start, count) };
    case "int16":
      return { type, data: Int16Array.from({ length: count }, (_, i) => view.getInt16(start + 2 * i)) };
    case "int32":
      return { type, data: Int32Array.from({ length: count }, (_, i) => view.getInt32(start + 4 * i)) };
    case "float32":
      return { type, data: Float32Array.from({ length: count }, (_, i) => view.getFloat32(start + 4 * i)) };
    case "float64":
      return { type, data: Float64Array.from({ length: count }, (_, i) => view.getFloat64(start + 8 * i)) };
  }
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}
