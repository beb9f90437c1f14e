// The safetensors format (https://github.com/huggingface/safetensors): eight bytes with the length of a JSON
// header, the header, then the tensors' bytes, little-endian and row-major.

import { describeValue, GmrError } from "@gmr-conv/core";

/** The element types that this package reads and writes. */
export type TensorData = Float32Array | Float64Array | Int32Array | Uint8Array;

export interface StoredTensor {
  shape: number[];
  /** [Πshape], row-major. */
  data: TensorData;
}

export interface SafetensorsFile {
  tensors: Map<string, StoredTensor>;
  /** Free-form strings beside the tensors. */
  metadata: Record<string, string>;
}

const TYPES = {
  F32: Float32Array,
  F64: Float64Array,
  I32: Int32Array,
  U8: Uint8Array,
} as const;
type TypeName = keyof typeof TYPES;

/** A header longer than this is refused, as by the reference implementation. */
const MAX_HEADER_BYTES = 100_000_000;

/**
 * Reads a safetensors file.
 * @param name names the file in errors
 * @throws GmrError `invalid-data`, naming what is wrong and where; `unsupported` for other element types
 */
export function readSafetensors(bytes: Uint8Array, name = "safetensors data"): SafetensorsFile {
  const fail = (problem: string): GmrError => new GmrError("invalid-data", `${name}: ${problem}`);
  if (bytes.length < 8) throw fail(`expected at least 8 bytes, got ${bytes.length}`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES || 8 + length > bytes.length) {
    throw fail(`the header claims ${length} bytes, the file has ${bytes.length}`);
  }
  const header = parseHeader(bytes.subarray(8, 8 + length), fail);
  const body = bytes.subarray(8 + length);
  const file: SafetensorsFile = { tensors: new Map(), metadata: {} };
  for (const [key, entry] of Object.entries(header)) {
    if (key === "__metadata__") file.metadata = checkMetadata(entry, fail);
    else file.tensors.set(key, readTensor(key, entry, body, fail));
  }
  return file;
}

type Fail = (problem: string) => GmrError;

function parseHeader(bytes: Uint8Array, fail: Fail): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw fail("the header is not JSON");
  }
  if (!isRecord(header)) throw fail(`the header must be an object, got ${describeValue(header)}`);
  return header;
}

function checkMetadata(value: unknown, fail: Fail): Record<string, string> {
  if (!isRecord(value)) throw fail(`__metadata__ must be an object, got ${describeValue(value)}`);
  const metadata: Record<string, string> = {};
  for (const [key, entry] of Object.entries(value)) {
    if (typeof entry !== "string") throw fail(`metadata ${describeValue(key)} must be a string`);
    metadata[key] = entry;
  }
  return metadata;
}

function readTensor(key: string, entry: unknown, body: Uint8Array, fail: Fail): StoredTensor {
  const what = `tensor ${describeValue(key)}`;
  if (!isRecord(entry)) throw fail(`${what} must be an object, got ${describeValue(entry)}`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (!isTypeName(dtype)) {
    throw new GmrError(
      "unsupported",
      `${what} has type ${describeValue(dtype)}, expected one of ${Object.keys(TYPES).join(", ")}`,
    );
  }
  if (!isSizes(shape)) throw fail(`${what} has shape ${describeValue(shape)}, expected sizes`);
  if (!isSizes(offsets) || offsets.length !== 2) {
    throw fail(`${what} has data_offsets ${describeValue(offsets)}, expected [begin, end]`);
  }
  const [begin, end] = offsets;
  const type = TYPES[dtype];
  const expected = shape.reduce((a, b) => a * b, type.BYTES_PER_ELEMENT);
  if (begin > end || end > body.length || end - begin !== expected) {
    throw fail(
      `${what} lies at [${begin}, ${end}) of ${body.length} bytes; its shape [${shape}] needs ${expected}`,
    );
  }
  // A copy, since the elements need not be aligned in the file. (Not by slice(): a Node Buffer's does not copy.)
  return { shape, data: new type(Uint8Array.from(body.subarray(begin, end)).buffer) };
}

/**
 * A safetensors file of the given tensors, in their order.
 * @throws GmrError `invalid-shape` if a tensor's data does not fill its shape
 */
export function writeSafetensors(
  tensors: Iterable<readonly [name: string, tensor: StoredTensor]>,
  metadata: Record<string, string> = {},
): Uint8Array {
  const entries = [...tensors];
  const header: Record<string, unknown> = {};
  if (Object.keys(metadata).length > 0) header.__metadata__ = metadata;
  let size = 0;
  for (const [name, { shape, data }] of entries) {
    const count = shape.reduce((a, b) => a * b, 1);
    if (count !== data.length) {
      throw new GmrError(
        "invalid-shape",
        `tensor ${describeValue(name)} has ${data.length} elements, its shape [${shape}] needs ${count}`,
      );
    }
    header[name] = { dtype: typeName(data), shape, data_offsets: [size, size + data.byteLength] };
    size += data.byteLength;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  // Padded with spaces so that the tensors start at a multiple of eight bytes.
  const length = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + length + size);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.fill(0x20, 8, 8 + length);
  bytes.set(text, 8);
  let at = 8 + length;
  for (const [, { data }] of entries) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

function typeName(data: TensorData): TypeName {
  if (data instanceof Float32Array) return "F32";
  if (data instanceof Float64Array) return "F64";
  return data instanceof Int32Array ? "I32" : "U8";
}

function isTypeName(value: unknown): value is TypeName {
  return typeof value === "string" && Object.hasOwn(TYPES, value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}
