import { describe, expect, it } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import { normals } from "../../testing/helpers.ts";
import { product } from "../axes.ts";
import { Random } from "../random.ts";
import { referenceConv } from "../reference/reference.ts";
import { referenceGmrConv } from "../reference/referenceGmr.ts";
import { equivarianceError, invarianceError, maxRelativeError } from "./equivariance.ts";
import { DIHEDRAL_GROUP } from "./symmetry.ts";
import type { ImageShape } from "./transformImage.ts";

const EXACT = 1e-13; // float64 sums in another order

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

  it.each([
    [[1, 8, 2], 2],
    [[1, 4, 5, 4, 2], 48],
  ])("try all symmetries of signals and volumes: %s", async (shapeOf, count) => {
    const values = normals(random, product(shapeOf));
    const kernelOf = (cells: number) => normals(random, cells * 2 * 3);
    const rank = shapeOf.length - 2;
    const rings = { weights: kernelOf(2), logSigmas: normals(random, 2) };
    const options = { kernelSize: new Array(rank).fill(3), pad: "same" } as const;
    const gmr = await equivarianceError(
      (x, s) => ({ image: referenceGmrConv(x, s, rings, options).y, shape: [...s.slice(0, -1), 3] }),
      values,
      shapeOf,
    );
    expect(gmr.errors).toHaveLength(count);
    expect(gmr.worst).toBeLessThan(EXACT);
    const denseKernel = kernelOf(3 ** rank);
    const dense = await equivarianceError(
      (x, s) => ({ image: referenceConv(x, s, denseKernel, options).y, shape: [...s.slice(0, -1), 3] }),
      values,
      shapeOf,
    );
    expect(dense.worst).toBeGreaterThan(0.1);
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
