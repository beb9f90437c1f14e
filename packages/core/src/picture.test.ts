import { describe, expect, it } from "vitest";
import { expectAllNear, expectGmrError } from "../testing/helpers.ts";
import { foldKernel } from "./fold.ts";
import { kernelPicture, kernelSlice, pictureToRgba, ringProfile } from "./picture.ts";
import { ringPartition } from "./rings.ts";

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

describe("ringProfile", () => {
  it("gives back the ring weights at growing radius", () => {
    const partition = ringPartition(5);
    const profile = ringProfile(foldKernel([3, 1, -2], partition), partition);
    expect(profile.map(({ ring }) => ring)).toEqual([0, 1, 2]);
    expectAllNear(
      profile.map(({ value }) => value),
      [3, 1, -2],
    );
    expectAllNear(
      profile.map(({ radius }) => radius),
      [0, (1 + Math.SQRT2) / 2, (4 * 2 + 8 * Math.sqrt(5)) / 12],
    );
  });

  it("leaves out empty rings", () => {
    const partition = ringPartition(3, { numRings: 9 });
    const rings = ringProfile(new Float64Array(9), partition).map(({ ring }) => ring);
    expect(rings).toEqual([0, 6, 8]);
  });
});

describe("pictureToRgba", () => {
  const picture = kernelPicture([-2, 0, 1, 2, 4, -9], [1, 6]);

  it("maps numbers from blue over white to red", () => {
    const pixels = pictureToRgba(picture, 2);
    const pixel = (i: number) => Array.from(pixels.subarray(4 * i, 4 * i + 4));
    expect(pixel(0)).toEqual([33, 102, 172, 255]);
    expect(pixel(1)).toEqual([255, 255, 255, 255]);
    expect(pixel(2)).toEqual([216, 140, 149, 255]);
    expect(pixel(3)).toEqual([178, 24, 43, 255]);
    expect(pixel(4)).toEqual(pixel(3));
    expect(pixel(5)).toEqual(pixel(0));
  });

  it("uses the largest magnitude by default, and draws zeros white", () => {
    expect(pictureToRgba(picture)).toEqual(pictureToRgba(picture, 9));
    expect(new Set(pictureToRgba(kernelPicture([0, 0], [2])))).toEqual(new Set([255]));
  });

  it("rejects a limit that is not positive", () => {
    expectGmrError(() => pictureToRgba(picture, 0), "invalid-argument", "limit must be positive, got 0");
    expectGmrError(
      () => pictureToRgba(picture, Number.NaN),
      "invalid-argument",
      "limit must be a finite number, got NaN",
    );
  });
});
