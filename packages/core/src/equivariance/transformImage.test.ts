import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import { expectAllNear, normals } from "../../testing/helpers.ts";
import { product } from "../axes.ts";
import { Random } from "../random.ts";
import { composeSymmetries, DIHEDRAL_GROUP, inverseSymmetry, symmetryGroup } from "./symmetry.ts";
import { flip, type ImageShape, rot90, transformImage, turnImage } from "./transformImage.ts";

const shape: ImageShape = [1, 2, 3, 1];
// 1 2 3
// 4 5 6
const image = [1, 2, 3, 4, 5, 6];

/** Images of one to three axes with two elements of their group. */
const problems = fc
  .record({
    sizes: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
    batch: fc.integer({ min: 1, max: 2 }),
    channels: fc.integer({ min: 1, max: 3 }),
    seed: fc.nat(),
  })
  .chain(({ sizes, batch, channels, seed }) => {
    const fullShape = [batch, ...sizes, channels];
    const element = fc.constantFrom(...symmetryGroup(sizes.length));
    return fc.record({
      values: fc.constant(normals(new Random(seed), product(fullShape))),
      fullShape: fc.constant(fullShape),
      first: element,
      second: element,
    });
  });

/** The sums of each image's channels: [N, C]. */
function channelSums(values: ArrayLike<number>, [batch, ...rest]: readonly number[]): number[] {
  const channels = rest[rest.length - 1];
  const sums = new Array<number>(batch * channels).fill(0);
  for (let i = 0; i < values.length; i++) {
    sums[Math.floor(i / product(rest)) * channels + (i % channels)] += values[i];
  }
  return sums;
}

describe("transformImage", () => {
  it("applies two elements like their composition", () => {
    fc.assert(
      fc.property(problems, ({ values, fullShape, first, second }) => {
        const once = transformImage(values, fullShape, first);
        expect(transformImage(once.image, once.shape, second)).toEqual(
          transformImage(values, fullShape, composeSymmetries(second, first)),
        );
        expect(transformImage(once.image, once.shape, inverseSymmetry(first))).toEqual({
          image: values,
          shape: fullShape,
        });
      }),
    );
  });

  it("keeps the sum of every channel of every image", () => {
    fc.assert(
      fc.property(problems, ({ values, fullShape, first }) => {
        const moved = transformImage(values, fullShape, first);
        expectAllNear(channelSums(moved.image, moved.shape), channelSums(values, fullShape), 1e-12);
      }),
    );
  });

  it("makes 8 different images from one", () => {
    const results = DIHEDRAL_GROUP.map((element) => transformImage(image, shape, element));
    expect(new Set(results.map((result) => JSON.stringify(result))).size).toBe(8);
    expect(results[5]).toEqual(rot90(flip(image, shape, 2).image, shape, 1)); // mirror, 90°
  });

  it("turns volumes as the element's name says", () => {
    const volumeShape = [2, 2, 3, 4, 2];
    const volume = normals(new Random(1), product(volumeShape));
    const transformed = (name: string) => {
      const element = symmetryGroup(3).find((candidate) => candidate.name === name);
      return transformImage(volume, volumeShape, element ?? symmetryGroup(3)[0]);
    };
    expect(transformed("90° about D")).toEqual(rot90(volume, volumeShape, 1));
    expect(transformed("90° about H")).toEqual(rot90(volume, volumeShape, 1, [3, 1]));
    expect(transformed("270° about W")).toEqual(rot90(volume, volumeShape, 3, [1, 2]));
    expect(transformed("mirror H")).toEqual(flip(volume, volumeShape, 2));
    const about = rot90(volume, volumeShape, 1);
    expect(transformed("120° about D+H+W")).toEqual(rot90(about.image, about.shape, 1, [1, 2]));
  });

  it("rejects another number of axes", () => {
    expectGmrError(
      () => transformImage(image, shape, symmetryGroup(3)[0]),
      "invalid-shape",
      "shape must have 3 spatial axes for identity, got [1, 2, 3, 1]",
    );
  });
});

describe("rot90 and flip", () => {
  it("turn counter-clockwise", () => {
    expect(rot90(image, shape, 1)).toEqual({ image: [3, 6, 2, 5, 1, 4], shape: [1, 3, 2, 1] });
    expect(rot90(image, shape, 2)).toEqual({ image: [6, 5, 4, 3, 2, 1], shape });
    expect(rot90(image, shape, 3)).toEqual({ image: [4, 1, 5, 2, 6, 3], shape: [1, 3, 2, 1] });
    expect(rot90(image, shape, -3)).toEqual(rot90(image, shape, 1));
    expect(rot90(image, shape, 4)).toEqual({ image, shape });
    expect(rot90(image, shape, 1, [2, 1])).toEqual(rot90(image, shape, 3));
  });

  it("mirror", () => {
    expect(flip(image, shape, 1).image).toEqual([4, 5, 6, 1, 2, 3]);
    expect(flip(image, shape, 2).image).toEqual([3, 2, 1, 6, 5, 4]);
    expect(flip([1, 2, 3, 4], [1, 2, 2], 1).image).toEqual([3, 4, 1, 2]);
  });

  it("keep channels and batches together, and the kind of array", () => {
    const batch = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8); // [2, 1, 2, 2]
    expect(flip(batch, [2, 1, 2, 2], 2).image).toEqual(Float32Array.of(3, 4, 1, 2, 7, 8, 5, 6));
  });

  it("reject bad input", () => {
    expectGmrError(
      () => rot90([1, 2], shape, 1),
      "invalid-shape",
      "image must hold 6 numbers ([1, 2, 3, 1]), got 2",
    );
    expectGmrError(() => rot90(image, shape, 0.5), "invalid-argument", "turns must be an integer, got 0.5");
    expectGmrError(
      () => flip(image, shape, 3),
      "invalid-argument",
      "axis must be a spatial axis, 1 to 2, got 3",
    );
  });
});

describe("turnImage", () => {
  const square = [2, 5, 5, 3];
  const values = normals(new Random(2), product(square));

  it("is exact for quarter turns of squares and cubes", () => {
    for (const turns of [-1, 0, 1, 2, 3, 4]) {
      expectAllNear(turnImage(values, square, 90 * turns), rot90(values, square, turns).image, 1e-15);
    }
    const cube = [1, 4, 4, 4, 2];
    const volume = normals(new Random(3), product(cube));
    for (const plane of [
      [1, 2],
      [2, 3],
      [3, 1],
    ] as const) {
      expectAllNear(turnImage(volume, cube, 270, { plane }), rot90(volume, cube, 3, plane).image, 1e-15);
    }
  });

  it("interpolates between four pixels, with zeros outside", () => {
    const dot = [0, 0, 0, 0, 0, 1, 0, 0, 0]; // at (1, 2) of 3×3, to the right of the centre
    const [x, y] = [Math.cos(Math.PI / 6), Math.sin(Math.PI / 6)];
    const turned = turnImage(dot, [1, 3, 3, 1], 30);
    // Pixel (1, 2) shows the place cos 30° to the right and sin 30° below the centre, pixel (0, 2) the place
    // cos 30° - sin 30° below and cos 30° + sin 30° to the right, beyond the border.
    expect(turned[5]).toBeCloseTo(x * (1 - y), 12);
    expect(turned[2]).toBeCloseTo((2 - x - y) * (1 - (x - y)), 12);
    expect(turned[3]).toBe(0);
  });

  it("turns a linear function like its formula", () => {
    const size = 21;
    const ramp = (degrees: number) => {
      const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
      return Float64Array.from({ length: size * size }, (_, i) => {
        const [row, column] = [Math.floor(i / size) - 10, (i % size) - 10];
        return 2 * (cos * row + sin * column) + 3 * (cos * column - sin * row);
      });
    };
    fc.assert(
      fc.property(fc.integer({ min: -720, max: 720 }), (degrees) => {
        const actual = turnImage(ramp(0), [1, size, size, 1], degrees);
        ramp(degrees).forEach((value, i) => {
          const inside = Math.hypot(Math.floor(i / size) - 10, (i % size) - 10) <= 9;
          if (inside) expect(actual[i]).toBeCloseTo(value, 9);
        });
      }),
    );
  });

  it("fills what was outside with a colour, or from the border", () => {
    for (const [sizes, plane] of [
      [[6, 6], undefined],
      [
        [5, 6, 4],
        [3, 1],
      ],
    ] as const) {
      const filled = [2, ...sizes, 3];
      const colour = [0.25, 0.5, 1];
      const uniform = Array.from({ length: product(filled) }, (_, i) => colour[i % 3]);
      for (const fill of [colour, "reflect", "replicate"] as const) {
        expectAllNear(turnImage(uniform, filled, 33, { plane, fill }), uniform, 1e-12);
      }
      const white = turnImage(
        uniform.map(() => 1),
        filled,
        45,
        { plane, fill: 1 },
      );
      expectAllNear(
        white,
        white.map(() => 1),
        1e-12,
      );
      const black = turnImage(uniform, filled, 45, { plane });
      expect(Math.min(...black)).toBeLessThan(0.1);
    }
    const row = [1, 2, 3];
    expect(turnImage(row, [1, 1, 3, 1], 90, { fill: 9 })).toEqual([9, 2, 9]);
    expect(turnImage(row, [1, 1, 3, 1], 90, { fill: "replicate" })).toEqual([2, 2, 2]);
    expect(turnImage(row, [1, 1, 3, 1], 180, { fill: 9 })).toEqual([3, 2, 1]);
  });

  it("mirrors the image beyond its border", () => {
    // A row of five in three rows: by 90°, its ends come from two pixels above and below the middle row.
    const rows = [1, 2, 3].flatMap((value) => new Array<number>(5).fill(value));
    const turned = turnImage(rows, [1, 3, 5, 1], 90, { fill: "reflect" });
    expect(turned.slice(5, 10)).toEqual([2, 1, 2, 3, 2]);
    const replicated = turnImage(rows, [1, 3, 5, 1], 90, { fill: "replicate" });
    expect(replicated.slice(5, 10)).toEqual([1, 1, 2, 3, 3]);
  });

  it("keeps the kind of array and leaves the input as it is", () => {
    const input = Float32Array.from(image);
    expect(turnImage(input, shape, 45)).toBeInstanceOf(Float32Array);
    expect(input).toEqual(Float32Array.from(image));
  });

  it("rejects bad input", () => {
    expectGmrError(
      () => turnImage(values, square, Number.NaN),
      "invalid-argument",
      "degrees must be a finite number, got NaN",
    );
    expectGmrError(
      () => turnImage(values, square, 10, { plane: [1, 3] }),
      "invalid-argument",
      "plane must be a spatial axis, 1 to 2, got 3",
    );
    expectGmrError(
      () => turnImage(values, square, 10, { plane: [1, 1] }),
      "invalid-argument",
      "plane must be two different axes, got [1, 1]",
    );
    expectGmrError(
      () => turnImage(values, square, 10, { fill: [1, 2] }),
      "invalid-argument",
      'fill must be "reflect", "replicate", a number or 3 numbers, one per channel, got [1, 2]',
    );
    expectGmrError(
      () => turnImage(values, square, 10, { fil: 1 } as object),
      "invalid-argument",
      'the options of turnImage have no "fil": did you mean fill?',
    );
    expectGmrError(
      () => turnImage([1], square, 10),
      "invalid-shape",
      "image must hold 150 numbers ([2, 5, 5, 3]), got 1",
    );
  });
});
