import { readFileSync } from "node:fs";
import fc from "fast-check";
import { unzipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import { storedTensors } from "../../testing/arbitraries.ts";
import { readTorch } from "./readTorch.ts";
import { writeTorch } from "./writeTorch.ts";

const fixture = readFileSync(
  new URL("../../../../tooling/fixtures/official/gmr_resnet18_w8.weights.pth", import.meta.url),
);

describe("writeTorch", () => {
  it("is read back the same, for every type", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), storedTensors, { maxKeys: 5, noNullPrototype: true }),
        (file) => {
          const { tensors } = readTorch(writeTorch(Object.entries(file)), "x", { at: "" });
          expect([...tensors]).toEqual(Object.entries(file));
        },
      ),
      { numRuns: 200 },
    );
  });

  it("writes the tensors of the official package unchanged", () => {
    const { tensors } = readTorch(fixture);
    const written = writeTorch(tensors);
    expect([...readTorch(written).tensors]).toEqual([...tensors]);
    expect(writeTorch(tensors)).toEqual(written);
  });

  it("starts every record at a multiple of 64 bytes, like PyTorch", () => {
    const bytes = writeTorch([
      ["a", { shape: [3], data: Uint8Array.of(1, 2, 3) }],
      ["b", { shape: [1], data: Float32Array.of(12345.678) }],
    ]);
    const records = unzipSync(bytes);
    expect(Object.keys(records)).toEqual([
      "archive/data.pkl",
      "archive/byteorder",
      "archive/data/0",
      "archive/data/1",
      "archive/version",
    ]);
    for (const record of Object.values(records)) expect(Buffer.from(bytes).indexOf(record) % 64).toBe(0);
  });

  it("writes strides like PyTorch", () => {
    // tuple (2, 0, 3), then its strides (3, 3, 1), each a BININT
    const pickle = unzipSync(writeTorch([["e", { shape: [2, 0, 3], data: new Float32Array(0) }]]));
    const numbers = [2, 0, 3].map(int).join("");
    const text = Buffer.from(pickle["archive/data.pkl"]).toString("latin1");
    expect(text).toContain(`(${numbers}t(${[3, 3, 1].map(int).join("")}t`);
  });

  it("rejects data that does not fill its shape", () =>
    expectGmrError(
      () => writeTorch([["a", { shape: [3], data: Float32Array.of(1) }]]),
      "invalid-shape",
      'tensor "a" has 1 elements, its shape [3] needs 3',
    ));

  it("rejects a duplicate name", () => {
    const tensor = { shape: [], data: Float32Array.of(1) };
    return expectGmrError(
      () =>
        writeTorch([
          ["a", tensor],
          ["a", tensor],
        ]),
      "invalid-argument",
      'two tensors are named "a"',
    );
  });

  it("rejects more records than an archive can contain", () => {
    const tensor = { shape: [0], data: new Float32Array(0) };
    const many = Array.from({ length: 65_533 }, (_, i) => [`t${i}`, tensor] as const);
    return expectGmrError(
      () => writeTorch(many),
      "unsupported",
      expect.stringMatching(/^65536 records of \d+ bytes are more than a zip archive holds$/),
    );
  });
});

const int = (value: number): string => `J${String.fromCharCode(value)}\0\0\0`;
