// The safetensors format (https://github.com/huggingface/safetensors): eight bytes with the length of a JSON
// header, the header, then the tensors' bytes, little-endian and row-major, one after the other without gaps.

import { checkBytes, describeValue, GmrError } from "@gmr-conv/core";
import {
  decodeTensor,
  ELEMENT_TYPES,
  type ElementType,
  encodeTensor,
  fileBytes,
  isElementType,
} from "./elementTypes.ts";
import { jsonProblem } from "./jsonProblem.ts";
import { elementCount, isShape, type StoredTensor } from "./storedTensor.ts";

export interface SafetensorsFile {
  tensors: Map<string, StoredTensor>;
  /** Free-form strings stored with the tensors. */
  metadata: Record<string, string>;
}

/** The longest header accepted, as in the reference implementation. */
const MAX_HEADER_BYTES = 100_000_000;
/** Nesting: the header, a tensor's entry, its shape. */
const MAX_HEADER_DEPTH = 3;
const METADATA = "__metadata__";

/**
 * Reads a safetensors file. Float16 and bfloat16 are widened to float32, which is exact.
 * @param name name of the file in errors
 * @throws GmrError `invalid-data`, naming what is wrong and where; `unsupported` for other element types
 */
export function readSafetensors(bytes: Uint8Array, name = "safetensors data"): SafetensorsFile {
  const fail = (problem: string): GmrError => new GmrError("invalid-data", `${name}: ${problem}`);
  checkBytes(name, bytes);
  if (bytes.length < 8) throw fail(`expected at least 8 bytes, got ${bytes.length}`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES || 8 + length > bytes.length) {
    throw fail(`the header claims ${length} bytes, the file has ${bytes.length}`);
  }
  const header = parseHeader(bytes.subarray(8, 8 + length), fail);
  const body = bytes.subarray(8 + length);
  const file: SafetensorsFile = { tensors: new Map(), metadata: {} };
  const entries: Entry[] = [];
  for (const [key, entry] of Object.entries(header)) {
    if (key === METADATA) file.metadata = checkMetadata(entry, fail);
    else entries.push(checkEntry(key, entry, body.length, name, fail));
  }
  checkSpans(entries, body.length, fail);
  for (const { key, type, shape, begin, end } of entries) {
    // A copy, since the elements need not be aligned in the file. (Not by slice(): a Node Buffer's does not copy.)
    file.tensors.set(key, decodeTensor(type, shape, new Uint8Array(body.subarray(begin, end))));
  }
  return file;
}

type Fail = (problem: string) => GmrError;

/** A tensor's entry in the header; it lies at [begin, end) in the file's body. */
interface Entry {
  key: string;
  type: ElementType;
  shape: number[];
  begin: number;
  end: number;
}

function parseHeader(bytes: Uint8Array, fail: Fail): Record<string, unknown> {
  let problem: string | undefined;
  let header: unknown;
  try {
    problem = jsonProblem(bytes, MAX_HEADER_DEPTH);
    if (!problem) header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw fail("the header is not JSON");
  }
  if (problem) throw fail(`the header ${problem}`);
  if (!isRecord(header)) throw fail(`the header must be an object, got ${describeValue(header)}`);
  return header;
}

function checkMetadata(value: unknown, fail: Fail): Record<string, string> {
  if (!isRecord(value)) throw fail(`${METADATA} must be an object, got ${describeValue(value)}`);
  // Not by assignment, which would not create a key "__proto__".
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => {
      if (typeof entry !== "string") throw fail(`metadata ${describeValue(key)} must be a string`);
      return [key, entry];
    }),
  );
}

function checkEntry(key: string, entry: unknown, size: number, name: string, fail: Fail): Entry {
  const what = `tensor ${describeValue(key)}`;
  if (!isRecord(entry)) throw fail(`${what} must be an object, got ${describeValue(entry)}`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (!isElementType(dtype)) {
    throw new GmrError(
      "unsupported",
      `${name}: ${what} has type ${describeValue(dtype)}, expected one of ${ELEMENT_TYPES.join(", ")}`,
    );
  }
  if (!isShape(shape)) throw fail(`${what} has shape ${describeValue(shape)}, expected sizes`);
  if (!isShape(offsets) || offsets.length !== 2) {
    throw fail(`${what} has data_offsets ${describeValue(offsets)}, expected [begin, end]`);
  }
  const [begin, end] = offsets;
  const expected = elementCount(shape) * fileBytes(dtype);
  if (begin > end || end > size || end - begin !== expected) {
    throw fail(
      `${what} lies at [${begin}, ${end}) of ${size} bytes; its shape ${describeValue(shape)} needs ${expected}`,
    );
  }
  return { key, type: dtype, shape, begin, end };
}

/** The tensors must fill the body without gaps or overlaps. */
function checkSpans(entries: readonly Entry[], size: number, fail: Fail): void {
  let last = 0;
  for (const { key, begin, end } of entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== last) {
      throw fail(`tensor ${describeValue(key)} begins at ${begin}, the one before it ends at ${last}`);
    }
    last = end;
  }
  if (last !== size) throw fail(`the tensors end at ${last}, the file has ${size} bytes for them`);
}

/**
 * A safetensors file of the given tensors, in their order.
 * @throws GmrError `invalid-shape` if a tensor's data does not fill its shape; `invalid-argument` for a duplicate name,
 *   or one reserved by the format
 */
export function writeSafetensors(
  tensors: Iterable<readonly [name: string, tensor: StoredTensor]>,
  metadata: Record<string, string> = {},
): Uint8Array {
  const header = new Map<string, unknown>();
  if (Object.keys(metadata).length > 0) header.set(METADATA, metadata);
  const parts: Uint8Array[] = [];
  let size = 0;
  for (const [name, tensor] of tensors) {
    if (name === METADATA || header.has(name)) {
      throw new GmrError(
        "invalid-argument",
        `tensor ${describeValue(name)} is named twice, or as the metadata`,
      );
    }
    const { type, bytes } = encodeTensor(name, tensor);
    header.set(name, { dtype: type, shape: tensor.shape, data_offsets: [size, size + bytes.length] });
    parts.push(bytes);
    size += bytes.length;
  }
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  // Padded with spaces so that the tensors start at a multiple of eight bytes.
  const length = Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(8 + length + size);
  new DataView(file.buffer).setBigUint64(0, BigInt(length), true);
  file.fill(0x20, 8, 8 + length);
  file.set(text, 8);
  let at = 8 + length;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
