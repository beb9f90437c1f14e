import { GmrError } from "@gmr-conv/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readSafetensors, type StoredTensor, writeSafetensors } from "./safetensors.ts";

const tensor = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }).chain((shape) => {
  const length = shape.reduce((a, b) => a * b, 1);
  const size = { minLength: length, maxLength: length };
  const data = fc.oneof(
    fc.float32Array(size),
    fc.float64Array(size),
    fc.int32Array(size),
    fc.uint8Array(size),
  );
  return data.map((values): StoredTensor => ({ shape, data: values }));
});
const names = fc.string().map((name) => `n${name}`);
const files = fc.dictionary(names, tensor, { maxKeys: 5, noNullPrototype: true });
const example = writeSafetensors(
  [
    ["a", { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }],
    ["b", { shape: [3], data: Int32Array.of(5, 6, 7) }],
  ],
  { step: "12" },
);

function edited(change: (header: Record<string, unknown>) => void): Uint8Array {
  const length = Number(new DataView(example.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(example.subarray(8, 8 + length)));
  change(header);
  const text = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + example.length - 8 - length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(example.subarray(8 + length), 8 + text.length);
  return bytes;
}

describe("safetensors", () => {
  it("gives back what was written", () => {
    fc.assert(
      fc.property(files, fc.dictionary(names, fc.string(), { noNullPrototype: true }), (file, meta) => {
        const read = readSafetensors(writeSafetensors(Object.entries(file), meta));
        expect(new Map(Object.entries(file))).toEqual(read.tensors);
        expect(read.metadata).toEqual(meta);
      }),
      { numRuns: 200 },
    );
  });

  it("reads a Node Buffer that lies somewhere in a pool", () => {
    const buffer = Buffer.concat([Buffer.from("xyz"), example]).subarray(3);
    expect(readSafetensors(buffer)).toEqual(readSafetensors(example));
  });

  it("refuses every truncation", () => {
    for (let length = 0; length < example.length; length++) {
      expect(() => readSafetensors(example.subarray(0, length))).toThrow(GmrError);
    }
  });

  it("never crashes on changed bytes", () => {
    fc.assert(
      fc.property(fc.nat(example.length - 1), fc.integer({ min: 0, max: 255 }), (at, value) => {
        const bytes = example.slice();
        bytes[at] = value;
        try {
          readSafetensors(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(GmrError);
        }
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    [
      'tensor "a" has type "F16", expected one of F32, F64, I32, U8',
      { dtype: "F16", shape: [2, 2], data_offsets: [0, 16] },
    ],
    ['tensor "a" has shape [2, -2], expected sizes', { dtype: "F32", shape: [2, -2], data_offsets: [0, 16] }],
    [
      'tensor "a" has data_offsets [0], expected [begin, end]',
      { dtype: "F32", shape: [2, 2], data_offsets: [0] },
    ],
    ["its shape [2,2] needs 16", { dtype: "F32", shape: [2, 2], data_offsets: [0, 12] }],
    ['tensor "a" must be an object, got 3', 3],
  ])("says %s", (message, entry) => {
    const bytes = edited((header) => {
      header.a = entry;
    });
    expect(() => readSafetensors(bytes, "x.safetensors")).toThrow(message);
  });

  it("names the file and refuses a huge header", () => {
    const bytes = example.slice();
    bytes[7] = 0x7f;
    expect(() => readSafetensors(bytes, "x.safetensors")).toThrow(/^x\.safetensors: the header claims/);
  });

  it("refuses data that does not fill its shape", () => {
    expect(() => writeSafetensors([["a", { shape: [3], data: Float32Array.of(1) }]])).toThrow(
      'tensor "a" has 1 elements, its shape [3] needs 3',
    );
  });
});
