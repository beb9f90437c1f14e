// A small assembler for pickles and archives that no library would write. Pickles are strings of one character per
// byte, so that opcodes can be written directly: "(" is MARK, "t" TUPLE, "R" REDUCE, "." STOP.

import { zipSync } from "fflate";

export const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

export function little(value: number | bigint, count: number): string {
  const bytes = Array.from({ length: count }, (_, i) => Number((BigInt(value) >> BigInt(8 * i)) & 0xffn));
  return String.fromCharCode(...bytes);
}

/** BINUNICODE of ASCII text. */
export const text = (value: string): string => `X${little(value.length, 4)}${value}`;

/** LONG1 of eight bytes. */
export const integer = (value: number | bigint): string => `\x8a\x08${little(value, 8)}`;

export const tuple = (...items: string[]): string => `(${items.join("")}t`;

export const integers = (values: readonly (number | bigint)[]): string => tuple(...values.map(integer));

export interface TensorParts {
  shape?: string;
  strides?: string;
  offset?: string;
  /** Number of elements in the storage. */
  count?: string;
  storage?: string;
  key?: string;
  /** What follows the strides. */
  rest?: string;
}

/** A float32 tensor [1] in storage "0", as written by torch.save, with the given parts replaced. */
export function tensor(parts: TensorParts = {}): string {
  const { shape = integers([1]), strides = integers([1]), offset = integer(0), count = integer(1) } = parts;
  const {
    storage = "ctorch\nFloatStorage\n",
    key = text("0"),
    rest = "\x89ccollections\nOrderedDict\n)R",
  } = parts;
  const id = tuple(text("storage"), storage, key, text("cpu"), count);
  return `ctorch._utils\n_rebuild_tensor_v2\n${tuple(`${id}Q`, offset, shape, strides, rest)}R`;
}

/** A checkpoint {"x": value} of protocol 2. */
export const withEntry = (value: string): Uint8Array => checkpoint(`\x80\x02}${text("x")}${value}s.`);

/** A checkpoint with this pickle, and a storage "0" of one float32. */
export function checkpoint(pickle: string, records: Record<string, Uint8Array> = {}): Uint8Array {
  return zip({ "a/data.pkl": latin1(pickle), "a/data/0": new Uint8Array(4), ...records });
}

export function zip(records: Record<string, Uint8Array>, level: 0 | 9 = 0): Uint8Array {
  return zipSync(records, { level, mtime: "1980-01-01T00:00:00" });
}

/** A copy with one number replaced, `at` bytes after the last (or first) occurrence of `marker`. */
export function patched(
  bytes: Uint8Array,
  marker: string,
  at: number,
  value: number,
  size: 1 | 2 | 4,
  first = false,
): Uint8Array {
  const buffer = Buffer.from(bytes);
  const found = first ? buffer.indexOf(marker, 0, "latin1") : buffer.lastIndexOf(marker, undefined, "latin1");
  if (found < 0) throw new Error(`no ${JSON.stringify(marker)} in these bytes`);
  buffer.writeUIntLE(value, found + at, size);
  return buffer;
}

/** A safetensors file with this header, which may be any text. */
export function safetensors(header: string, body = new Uint8Array(16)): Uint8Array {
  const bytes = utf8(header);
  const file = new Uint8Array(8 + bytes.length + body.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(bytes.length), true);
  file.set(bytes, 8);
  file.set(body, 8 + bytes.length);
  return file;
}
