import { describe, expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { kernelPicture, kernelSlice } from "./picture.ts";

describe("kernelSlice", () => {
  const kernel = Float64Array.from({ length: 9 * 2 * 3 }, (_, i) => i); // [3, 3, 2, 3]

  it("takes one pair of channels", () => {
    const slice = kernelSlice(kernel, [3, 3], [2, 3], [1, 2]);
    expect(Array.from(slice)).toEqual([5, 11, 17, 23, 29, 35, 41, 47, 53]);
  });

  it("rejects channels out of range and other lengths", () => {
    const message = (pair: string) => `pair must lie within the channels [2, 3], got ${pair}`;
    const slice = (input: number, output: number) => () =>
      kernelSlice(kernel, [3, 3], [2, 3], [input, output]);
    expectGmrError(slice(2, 0), "invalid-argument", message("[2, 0]"));
    expectGmrError(slice(0, -1), "invalid-argument", message("[0, -1]"));
    expectGmrError(slice(0.5, 0), "invalid-argument", message("[0.5, 0]"));
    expectGmrError(
      () => kernelSlice([1], [3, 3], [2, 3], [0, 0]),
      "invalid-shape",
      "kernel must hold 54 numbers ([3, 3, 2, 3]), got 1",
    );
  });
});

describe("kernelPicture", () => {
  it("shows a plane as it is, a line as a row and a volume by its middle", () => {
    expect(kernelPicture([3, -1, 2, 5, 4, 0], [2, 3])).toEqual({
      width: 3,
      height: 2,
      values: Float64Array.of(3, -1, 2, 5, 4, 0),
      min: -1,
      max: 5,
    });
    expect(kernelPicture([1, 2, 3], [3])).toMatchObject({ width: 3, height: 1 });
    const volume = Float64Array.from({ length: 27 }, (_, i) => i);
    expect(kernelPicture(volume, [3, 3, 3])).toMatchObject({ width: 3, height: 3, min: 9, max: 17 });
  });

  it("rejects other lengths and more axes", () => {
    expectGmrError(
      () => kernelPicture([1], [3, 3]),
      "invalid-shape",
      "slice must hold 9 numbers ([3, 3]), got 1",
    );
    expectGmrError(
      () => kernelPicture([1], [1, 1, 1, 1]),
      "invalid-argument",
      "the number of axes of kernelSize must be 1, 2 or 3, got 4",
    );
  });
});
