import type { Fill } from "@gmr-conv/core/equivariance";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { affineImages } from "./affine.ts";
import type { SampleShape } from "./imageSet.ts";
import { batches } from "./testing/arbitraries.ts";
import { flipImages, padImages, rotateImages, translateImages } from "./transforms.ts";

/** The definition of a transform by a permutation: out[row, column] = in[source(row, column)], 0 outside. */
function permute(
  batch: Float32Array,
  [height, width, channels]: SampleShape,
  source: (row: number, column: number) => [row: number, column: number],
): Float32Array {
  return batch.map((_, i) => {
    const channel = i % channels;
    const column = Math.floor(i / channels) % width;
    const row = Math.floor(i / channels / width) % height;
    const image = Math.floor(i / channels / width / height);
    const [y, x] = source(row, column);
    const inside = y >= 0 && x >= 0 && y < height && x < width;
    return inside ? batch[((image * height + y) * width + x) * channels + channel] : 0;
  });
}

function expectNear(actual: Float32Array, expected: Float32Array): void {
  const worst = Math.max(...actual.map((value, i) => Math.abs(value - expected[i])));
  expect(worst).toBeLessThan(1e-6);
}

/** A smooth blob well inside a 28×28 image. */
function blob(): Float32Array {
  return Float32Array.from({ length: 784 }, (_, i) => {
    const [y, x] = [Math.floor(i / 28) - 11, (i % 28) - 15];
    return Math.exp(-(x * x + 2 * y * y) / 18);
  });
}

describe("rotateImages", () => {
  it("turns by 90° exactly, counter-clockwise", () => {
    fc.assert(
      fc.property(batches(true), fc.constantFrom(90, 450, -270), ({ batch, shape }, degrees) => {
        const last = shape[1] - 1;
        expect(rotateImages(batch, shape, degrees)).toEqual(permute(batch, shape, (y, x) => [x, last - y]));
      }),
    );
    expect(rotateImages(Float32Array.of(1, 2, 3, 4), [2, 2, 1], 90)).toEqual(Float32Array.of(2, 4, 1, 3));
  });

  it("gives the image back after four quarter turns, and after none", () => {
    fc.assert(
      fc.property(batches(true), ({ batch, shape }) => {
        let turned = batch;
        for (let quarter = 0; quarter < 4; quarter++) turned = rotateImages(turned, shape, 90);
        expect(turned).toEqual(batch);
        expect(rotateImages(batch, shape, 360)).toEqual(batch);
      }),
    );
  });

  it("turns by 180° exactly, square or not", () => {
    fc.assert(
      fc.property(batches(), ({ batch, shape }) => {
        const [height, width] = shape;
        const expected = permute(batch, shape, (y, x) => [height - 1 - y, width - 1 - x]);
        expect(rotateImages(batch, shape, 180)).toEqual(expected);
      }),
    );
  });

  it("fills corners with a colour, or from the border: images and volumes", () => {
    const colour = [0.25, 0.5, 1];
    for (const shape of [
      [7, 7, 3],
      [5, 7, 7, 3],
    ]) {
      const uniform = Float32Array.from(
        { length: 2 * shape.reduce((a, b) => a * b) },
        (_, i) => colour[i % 3],
      );
      for (const fill of [colour, "reflect", "replicate"] as const) {
        expectNear(rotateImages(uniform, shape, 40, { fill }), uniform);
      }
      const white = uniform.map(() => 1);
      expectNear(rotateImages(white, shape, 40, { fill: 1 }), white);
      expect(Math.min(...rotateImages(white, shape, 40))).toBe(0);
      expect(() => rotateImages(white, shape, 40, { fill: [1, 2] })).toThrow(
        'fill must be "reflect", "replicate", a number or 3 numbers, one per channel, got [1, 2]',
      );
    }
    const fromBorder = (fill: Fill) =>
      Array.from(rotateImages(Float32Array.of(1, 2, 3), [3, 1, 1], 0, { fill, size: [7, 1] }));
    expect(fromBorder("reflect")).toEqual([3, 2, 1, 2, 3, 2, 1]);
    expect(fromBorder("replicate")).toEqual([1, 1, 1, 2, 3, 3, 3]);
    expect(fromBorder(9)).toEqual([9, 9, 1, 2, 3, 9, 9]);
  });

  it("is undone by the opposite turn, up to interpolation", () => {
    for (const degrees of [10, 45, 133]) {
      const back = rotateImages(rotateImages(blob(), [28, 28, 1], degrees), [28, 28, 1], -degrees);
      const worst = Math.max(...back.map((value, i) => Math.abs(value - blob()[i])));
      expect(worst).toBeLessThan(0.09); // two interpolations, each off by 1/8 of the second derivatives (0.33)
    }
  });

  it("agrees with the other direction seen in a mirror", () => {
    fc.assert(
      fc.property(batches(), fc.integer({ min: -400, max: 400 }), ({ batch, shape }, degrees) => {
        const mirrored = flipImages(
          rotateImages(flipImages(batch, shape, "horizontal"), shape, degrees),
          shape,
          "horizontal",
        );
        const turned = rotateImages(batch, shape, -degrees);
        for (let i = 0; i < turned.length; i++) expect(mirrored[i]).toBeCloseTo(turned[i], 5);
      }),
    );
  });

  it("keeps a zero background exactly zero", () => {
    expect(rotateImages(new Float32Array(784), [28, 28, 1], 33).every((value) => Object.is(value, 0))).toBe(
      true,
    );
  });
});

describe("translateImages", () => {
  it("moves whole pixels exactly, zeros come in", () => {
    const shift = fc.integer({ min: -10, max: 10 });
    fc.assert(
      fc.property(batches(), shift, shift, ({ batch, shape }, dx, dy) => {
        expect(translateImages(batch, shape, dx, dy)).toEqual(
          permute(batch, shape, (y, x) => [y - dy, x - dx]),
        );
      }),
    );
  });

  it("interpolates fractions, image by image", () => {
    const row = Float32Array.of(0, 4, 0, 0, 4, 0);
    expect(translateImages(row, [1, 3, 1], [0.25, -0.5], [0, 0])).toEqual(Float32Array.of(0, 3, 1, 2, 2, 0));
    expect(translateImages(row, [1, 3, 1], 0, 0.5)).toEqual(Float32Array.of(0, 2, 0, 0, 2, 0));
  });
});

describe("affineImages", () => {
  it("magnifies about the centre", () => {
    const image = Float32Array.of(0, 2, 0);
    expect(affineImages(image, [1, 3, 1], { scale: 2 })).toEqual(Float32Array.of(1, 2, 1));
    expect(affineImages(Float32Array.of(1, 2, 3), [1, 3, 1], { scale: 0.5 })).toEqual(
      Float32Array.of(0, 2, 0),
    );
  });

  it("turns and scales first, then shifts", () => {
    const all = affineImages(blob(), [28, 28, 1], { degrees: 90, dx: 3, dy: -2 });
    expect(all).toEqual(translateImages(rotateImages(blob(), [28, 28, 1], 90), [28, 28, 1], 3, -2));
  });

  it("refuses what makes no sense", () => {
    const image = new Float32Array(6);
    expect(() => affineImages(image, [2, 2, 1], {})).toThrow("batch of 6 numbers, expected a multiple of 4");
    expect(() => affineImages(image, [0, 2, 1], {})).toThrow("image shape [0, 2, 1]");
    expect(() => affineImages(image, [2, 3, 1], { scale: 0 })).toThrow("scale 0");
    expect(() => affineImages(image, [2, 3, 1], { dx: Number.NaN })).toThrow("dx NaN");
    expect(() => affineImages(image, [2, 3, 1], { dy: [1, 2] })).toThrow("dy for 2 images, expected 1");
  });
});

describe("flipImages", () => {
  it("mirrors exactly, as seen", () => {
    fc.assert(
      fc.property(batches(), ({ batch, shape }) => {
        const [height, width] = shape;
        const horizontal = permute(batch, shape, (y, x) => [y, width - 1 - x]);
        const vertical = permute(batch, shape, (y, x) => [height - 1 - y, x]);
        expect(flipImages(batch, shape, "horizontal")).toEqual(horizontal);
        expect(flipImages(batch, shape, "vertical")).toEqual(vertical);
      }),
    );
  });
});

describe("padImages", () => {
  it("adds zeros around, a shift within the larger frame", () => {
    const { images, shape } = padImages(Float32Array.of(1, 2, 3, 4), [1, 2, 1], {
      top: 1,
      bottom: 0,
      left: 0,
      right: 1,
    });
    expect(shape).toEqual([2, 3, 1]);
    expect(images).toEqual(Float32Array.of(0, 0, 0, 1, 2, 0, 0, 0, 0, 3, 4, 0));
    expect(padImages(Float32Array.of(5), [1, 1, 1], 1).images).toEqual(
      Float32Array.of(0, 0, 0, 0, 5, 0, 0, 0, 0),
    );
    expect(() => padImages(Float32Array.of(5), [1, 1, 1], -1)).toThrow("padding top -1");
    expect(() => padImages(Float32Array.of(5), [1, 1, 1], 1e6)).toThrow("asks for 4000004000001 numbers");
  });
});
