import { product } from "@gmr-conv/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import { writeBytes, writeIdx } from "../testing/writeIdx.ts";
import { type IdxArray, readIdx } from "./idx.ts";

const anyArray: fc.Arbitrary<IdxArray> = fc
  .array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 4 })
  .chain((dims) => {
    const length = product(dims);
    const size = { minLength: length, maxLength: length };
    return fc.oneof(
      fc.uint8Array(size).map((data): IdxArray => ({ type: "uint8", dims, data })),
      fc.int8Array(size).map((data): IdxArray => ({ type: "int8", dims, data })),
      fc.int16Array(size).map((data): IdxArray => ({ type: "int16", dims, data })),
      fc.int32Array(size).map((data): IdxArray => ({ type: "int32", dims, data })),
      fc.float32Array(size).map((data): IdxArray => ({ type: "float32", dims, data })),
      fc.float64Array(size).map((data): IdxArray => ({ type: "float64", dims, data })),
    );
  });

describe("readIdx", () => {
  it("reads back any array of any type, at any offset of a buffer", () => {
    fc.assert(
      fc.property(anyArray, fc.integer({ min: 0, max: 3 }), (array, offset) => {
        const file = writeIdx(array);
        const shifted = new Uint8Array(offset + file.length).subarray(offset);
        shifted.set(file);
        expect(readIdx(shifted)).toEqual(array);
      }),
    );
  });

  it("refuses every shortened file and every lengthened one", () => {
    fc.assert(
      fc.property(anyArray, fc.nat(), (array, cut) => {
        const file = writeIdx(array);
        const short = file.subarray(0, cut % file.length);
        expect(() => readIdx(short, "cut.idx")).toThrow(/cut\.idx: .*expected/);
        expect(() => readIdx(Uint8Array.of(...file, 0))).toThrow(/trailing bytes/);
      }),
    );
  });

  it.each([
    ["an empty file", 0, "0 bytes, expected at least the 4 bytes"],
    ["half a magic number", 3, "3 bytes, expected at least the 4 bytes"],
    ["no dimensions", 4, "truncated header: 4 bytes, expected 12 for 2 dimensions"],
    ["half a dimension", 9, "truncated header: 9 bytes, expected 12"],
    ["no elements", 12, "truncated: 12 bytes, expected 18 for uint8 [2, 3]"],
    ["missing the last element", 17, "truncated: 17 bytes, expected 18"],
  ])("names the sizes for %s", (_, length, message) => {
    const file = writeBytes([2, 3], [1, 2, 3, 4, 5, 6]);
    expect(() => readIdx(file.subarray(0, length))).toThrow(message);
  });

  it("names a wrong magic number, type code, gzip, and a missing rank", () => {
    expect(() => readIdx(Uint8Array.of(1, 0, 8, 1, 0, 0, 0, 0))).toThrow("magic number 0x01000801");
    expect(() => readIdx(Uint8Array.of(0, 0, 0x0a, 1, 0, 0, 0, 0))).toThrow("0x00000a01");
    expect(() => readIdx(Uint8Array.of(0x1f, 0x8b, 8, 0))).toThrow("decompress it first");
    expect(() => readIdx(Uint8Array.of(0, 0, 8, 0))).toThrow("0 dimensions");
  });

  it("refuses sizes far beyond the file without allocating them", () => {
    const header = Uint8Array.of(0, 0, 0x0e, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
    expect(() => readIdx(header)).toThrow("truncated: 12 bytes");
  });

  it("throws GmrError with the code invalid-data", async () => {
    await expectGmrError(() => readIdx(new Uint8Array(2)), "invalid-data", /^IDX data: 2 bytes, expected/);
  });
});
