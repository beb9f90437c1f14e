import { describe, expect, it } from "vitest";
import { expectGmrError, normals } from "../testing/helpers.ts";
import {
  DIHEDRAL_GROUP,
  equivarianceError,
  flip,
  type ImageShape,
  invarianceError,
  maxRelativeError,
  rot90,
  summarizeAngles,
  transformImage,
} from "./equivariance.ts";
import { Random } from "./random.ts";
import { referenceConv } from "./reference.ts";
import { referenceGmrConv } from "./referenceGmr.ts";

const EXACT = 1e-13; // float64 sums in another order

describe("rot90 and flip", () => {
  const shape: ImageShape = [1, 2, 3, 1];
  // 1 2 3
  // 4 5 6
  const image = [1, 2, 3, 4, 5, 6];

  it("turn counter-clockwise", () => {
    expect(rot90(image, shape, 1)).toEqual({ image: [3, 6, 2, 5, 1, 4], shape: [1, 3, 2, 1] });
    expect(rot90(image, shape, 2)).toEqual({ image: [6, 5, 4, 3, 2, 1], shape });
    expect(rot90(image, shape, 3)).toEqual({ image: [4, 1, 5, 2, 6, 3], shape: [1, 3, 2, 1] });
    expect(rot90(image, shape, -3)).toEqual(rot90(image, shape, 1));
    expect(rot90(image, shape, 4)).toEqual({ image, shape });
  });

  it("mirror", () => {
    expect(flip(image, shape, 1).image).toEqual([4, 5, 6, 1, 2, 3]);
    expect(flip(image, shape, 2).image).toEqual([3, 2, 1, 6, 5, 4]);
  });

  it("keep channels and batches together, and the kind of array", () => {
    const batch = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8); // [2, 1, 2, 2]
    expect(flip(batch, [2, 1, 2, 2], 2).image).toEqual(Float32Array.of(3, 4, 1, 2, 7, 8, 5, 6));
  });

  it("make up a group of 8 different elements that undo each other", () => {
    const results = DIHEDRAL_GROUP.map((element) => transformImage(image, shape, element));
    expect(new Set(results.map((result) => JSON.stringify(result))).size).toBe(8);
    for (const { image: once, shape: onceShape } of results) {
      const back = DIHEDRAL_GROUP.map((element) => transformImage(once, onceShape, element));
      expect(back).toContainEqual({ image, shape });
    }
  });

  it("reject bad input", () => {
    expectGmrError(
      () => rot90([1, 2], shape, 1),
      "invalid-shape",
      "image must hold 6 numbers ([1, 2, 3, 1]), got 2",
    );
    expectGmrError(() => rot90(image, shape, 0.5), "invalid-argument", "turns must be an integer, got 0.5");
    expectGmrError(
      () => flip(image, shape, JSON.parse("3")),
      "invalid-argument",
      "axis must be 1 (height) or 2 (width), got 3",
    );
  });
});

describe("equivarianceError and invarianceError", () => {
  const random = new Random(1);
  const shape: ImageShape = [2, 7, 9, 3];
  const image = normals(random, 2 * 7 * 9 * 3);
  const parameters = { weights: normals(random, 5 * 3 * 4), logSigmas: normals(random, 5) };
  const kernel = normals(random, 9 * 3 * 4);

  const gmrConv = (x: Float64Array, [n, h, w, c]: ImageShape) => {
    const { y } = referenceGmrConv(x, [n, h, w, c], parameters, { kernelSize: 9, pad: "same" });
    const outputShape: ImageShape = [n, h, w, 4];
    return { image: y, shape: outputShape };
  };
  const denseConv = (x: Float64Array, [n, h, w, c]: ImageShape) => {
    const { y } = referenceConv(x, [n, h, w, c], kernel, { kernelSize: 3, pad: "same" });
    const outputShape: ImageShape = [n, h, w, 4];
    return { image: y, shape: outputShape };
  };
  const channelMeans = (x: ArrayLike<number>) =>
    Array.from(x).reduce((means, value, i) => means.with(i % 4, means[i % 4] + value), [0, 0, 0, 0]);

  it("find the GMR convolution exact and a dense one not", async () => {
    const gmr = await equivarianceError(gmrConv, image, shape);
    expect(gmr.errors.map(({ element }) => element)).toEqual(DIHEDRAL_GROUP.map(({ name }) => name));
    expect(gmr.worst).toBeLessThan(EXACT);
    const dense = await equivarianceError(denseConv, image, shape);
    expect(dense.errors[0]).toEqual({ element: "identity", error: 0 });
    expect(dense.worst).toBeGreaterThan(0.1);
  });

  it("find pooled GMR features invariant, from asynchronous functions too", async () => {
    const features = async (x: Float64Array, xShape: ImageShape) => channelMeans(gmrConv(x, xShape).image);
    expect((await invarianceError(features, image, shape)).worst).toBeLessThan(1e-11);
    const dense = (x: Float64Array, xShape: ImageShape) => denseConv(x, xShape).image;
    expect((await invarianceError(dense, image, shape)).worst).toBeGreaterThan(0.1);
  });

  it("try only the elements asked for", async () => {
    const { errors } = await equivarianceError(denseConv, image, shape, DIHEDRAL_GROUP.slice(0, 1));
    expect(errors).toEqual([{ element: "identity", error: 0 }]);
  });

  it("reject a function whose output does not turn with its input", async () => {
    const fixed = (x: Float64Array) => ({ image: x, shape });
    await expect(equivarianceError(fixed, image, shape)).rejects.toMatchObject({
      code: "invalid-shape",
      message: "after 90° the output should have shape [2, 9, 7, 3], got [2, 7, 9, 3]",
    });
  });
});

describe("maxRelativeError", () => {
  it("is relative to the largest expected value", () => {
    expect(maxRelativeError([1, 2.5, -4], [1, 2, -4])).toBe(0.125);
    expect(maxRelativeError([0, 0], [0, 0])).toBe(0);
    expect(maxRelativeError([1], [0])).toBe(Number.POSITIVE_INFINITY);
    expect(maxRelativeError([Number.NaN], [1])).toBeNaN();
    expectGmrError(
      () => maxRelativeError([1], [1, 2]),
      "invalid-shape",
      "actual must hold 2 numbers (as many as expected), got 1",
    );
  });
});

describe("summarizeAngles", () => {
  it("summarises a curve", () => {
    const curve = [
      { angle: 0, accuracy: 0.98 },
      { angle: 45, accuracy: 0.9 },
      { angle: 90, accuracy: 0.97 },
      { angle: 135, accuracy: 0.91 },
    ];
    const summary = summarizeAngles(curve);
    expect(summary).toMatchObject({ upright: 0.98, worst: 0.9, worstAngle: 45 });
    expect(summary.mean).toBeCloseTo(0.94, 12);
    expect(summary.drop).toBeCloseTo(0.08, 12);
  });

  it("rejects curves without an upright entry or with NaN", () => {
    expectGmrError(
      () => summarizeAngles([{ angle: 10, accuracy: 1 }]),
      "invalid-data",
      "the accuracy curve must have an entry for angle 0",
    );
    expectGmrError(
      () => summarizeAngles([{ angle: 0, accuracy: Number.NaN }]),
      "invalid-data",
      "accuracies must be finite, got NaN at angle 0",
    );
  });
});
