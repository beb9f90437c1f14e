import { GmrError } from "@gmr-conv/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { storedTensors } from "../testing/arbitraries.ts";
import { readSafetensors, writeSafetensors } from "./safetensors.ts";

const names = fc.string().map((name) => `n${name}`);
const files = fc.dictionary(names, storedTensors, { maxKeys: 5, noNullPrototype: true });
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
  it("reads what was written", () => {
    fc.assert(
      fc.property(files, fc.dictionary(names, fc.string(), { noNullPrototype: true }), (file, meta) => {
        const read = readSafetensors(writeSafetensors(Object.entries(file), meta));
        expect(new Map(Object.entries(file))).toEqual(read.tensors);
        expect(read.metadata).toEqual(meta);
      }),
      { numRuns: 200 },
    );
  });

  it("reads a Node Buffer inside a pool", () => {
    const buffer = Buffer.concat([Buffer.from("xyz"), example]).subarray(3);
    expect(readSafetensors(buffer)).toEqual(readSafetensors(example));
  });

  it("rejects every truncation", () => {
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
      'x.safetensors: tensor "a" has type "F8_E4M3", expected one of F64, F32, F16, BF16, I64, I32, I16, I8, U64,',
      { dtype: "F8_E4M3", shape: [2, 2], data_offsets: [0, 16] },
    ],
    ['tensor "a" has shape [2, -2], expected sizes', { dtype: "F32", shape: [2, -2], data_offsets: [0, 16] }],
    [
      'tensor "a" has data_offsets [0], expected [begin, end]',
      { dtype: "F32", shape: [2, 2], data_offsets: [0] },
    ],
    ["its shape [2, 2] needs 16", { dtype: "F32", shape: [2, 2], data_offsets: [0, 12] }],
    ['tensor "a" must be an object, got 3', 3],
  ])("says %s", (message, entry) => {
    const bytes = edited((header) => {
      header.a = entry;
    });
    expect(() => readSafetensors(bytes, "x.safetensors")).toThrow(message);
  });

  it("names the file and rejects a huge header", () => {
    const bytes = example.slice();
    bytes[7] = 0x7f;
    expect(() => readSafetensors(bytes, "x.safetensors")).toThrow(/^x\.safetensors: the header claims/);
  });

  it("widens float16 and bfloat16", () => {
    const read = (dtype: string) =>
      readSafetensors(
        edited((header) => {
          header.a = { dtype, shape: [8], data_offsets: [0, 16] };
        }),
      ).tensors.get("a")?.data;
    // 1, 2, 3, 4 in float32: every second half is an upper half, i.e. a bfloat16.
    expect(read("BF16")).toEqual(Float32Array.of(0, 1, 0, 2, 0, 3, 0, 4));
    expect(read("F16")).toEqual(Float32Array.of(0, 1.875, 0, 2, 0, 2.125, 0, 2.25));
  });

  it("reads tensors whose bytes are in any order", () => {
    const bytes = edited((header) => {
      header.a = { dtype: "F32", shape: [2, 2], data_offsets: [12, 28] };
      header.b = { dtype: "I32", shape: [3], data_offsets: [0, 12] };
      header.c = { dtype: "I32", shape: [0], data_offsets: [12, 12] };
    });
    expect([...readSafetensors(bytes).tensors.keys()]).toEqual(["a", "b", "c"]);
  });

  it("rejects duplicate and reserved names", () => {
    const tensor = { shape: [], data: Float32Array.of(1) };
    const pair = (name: string) => [name, tensor] as const;
    expect(() => writeSafetensors([pair("a"), pair("a")])).toThrow('tensor "a" is named twice');
    expect(() => writeSafetensors([pair("__metadata__")])).toThrow(
      '"__metadata__" is named twice, or as the',
    );
    expect(readSafetensors(writeSafetensors([pair("__proto__")])).tensors.get("__proto__")).toEqual(tensor);
  });

  it("rejects data that does not fill its shape", () => {
    expect(() => writeSafetensors([["a", { shape: [3], data: Float32Array.of(1) }]])).toThrow(
      'tensor "a" has 1 elements, its shape [3] needs 3',
    );
  });
});
