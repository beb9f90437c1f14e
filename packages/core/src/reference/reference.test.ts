import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import { dot, expectAllNear, expectNear, normals } from "../../testing/helpers.ts";
import { product } from "../axes.ts";
import { GmrError } from "../errors.ts";
import { geometryAt, type Pad, type PadMode } from "../geometry.ts";
import { Random } from "../random.ts";
import { type ReferenceConvOptions, referenceConv, referenceConvGrad } from "./reference.ts";

// Agreement with PyTorch is tested in referenceGmr.test.ts, on all official cases.

interface Problem {
  options: ReferenceConvOptions & { kernelSize: number[]; groups: number };
  shape: number[];
  outChannels: number;
  x: Float64Array;
  kernel: Float64Array;
  random: Random;
}

/** Random small convolutions with every option, those without a valid output left out. */
const problems: fc.Arbitrary<Problem> = fc
  .integer({ min: 1, max: 3 })
  .chain((rank) => {
    const perAxis = (min: number, max: number) =>
      fc.array(fc.integer({ min, max }), { minLength: rank, maxLength: rank });
    return fc.record({
      spatial: perAxis(1, rank === 1 ? 9 : 5),
      kernelSize: perAxis(1, rank === 3 ? 3 : 4),
      strides: perAxis(1, 3),
      dilations: perAxis(1, 2),
      pad: fc.oneof(fc.constantFrom<Pad>("same", "valid"), perAxis(0, 3)),
      padMode: fc.constantFrom<PadMode>("zeros", "reflect", "replicate", "circular"),
      transposed: fc.boolean(),
      outputPadding: fc.oneof(fc.constant(0), perAxis(0, 2)),
      groups: fc.integer({ min: 1, max: 3 }),
      inPerGroup: fc.integer({ min: 1, max: 2 }),
      outPerGroup: fc.integer({ min: 1, max: 2 }),
      batch: fc.integer({ min: 1, max: 2 }),
      seed: fc.nat(),
    });
  })
  .map(({ spatial, inPerGroup, outPerGroup, batch, seed, ...drawn }) => {
    const options = drawn.transposed
      ? { ...drawn, padMode: "zeros" as const }
      : { ...drawn, outputPadding: 0 };
    const random = new Random(seed);
    const shape = [batch, ...spatial, inPerGroup * options.groups];
    const kernelLength = product(options.kernelSize) * inPerGroup * outPerGroup * options.groups;
    return {
      options,
      shape,
      outChannels: outPerGroup * options.groups,
      x: normals(random, product(shape)),
      kernel: normals(random, kernelLength),
      random,
    };
  })
  .filter(({ options, shape }) => {
    try {
      geometryAt(options, shape.slice(1, -1));
      return true;
    } catch (error) {
      if (error instanceof GmrError) return false;
      throw error;
    }
  });

describe("adjoints", () => {
  it("are those of x, kernel and bias, for all options", () => {
    fc.assert(
      fc.property(problems, ({ options, shape, outChannels, x, kernel, random }) => {
        const { y, shape: yShape } = referenceConv(x, shape, kernel, options);
        const gradY = normals(random, product(yShape));
        const grad = referenceConvGrad(x, shape, kernel, gradY, options);
        expectNear(dot(y, gradY), dot(x, grad.x));
        expectNear(dot(y, gradY), dot(kernel, grad.kernel));

        const bias = normals(random, outChannels);
        const withBias = referenceConv(x, shape, kernel, { ...options, bias }).y;
        expectNear(dot(withBias, gradY) - dot(y, gradY), dot(bias, grad.bias));
      }),
      { numRuns: 300 },
    );
  });
});

describe("groups", () => {
  it("equal a dense kernel that is zero between groups", () => {
    fc.assert(
      fc.property(problems, ({ options, shape, outChannels, x, kernel }) => {
        const grouped = referenceConv(x, shape, kernel, options);
        const inChannels = shape[shape.length - 1];
        const [rows, columns] = options.transposed ? [outChannels, inChannels] : [inChannels, outChannels];
        const dense = spreadGroups(kernel, rows, columns, options.groups);
        expectAllNear(referenceConv(x, shape, dense, { ...options, groups: 1 }).y, grouped.y);
      }),
    );
  });
});

describe("transposed convolution", () => {
  it("equals a convolution over stretched input with the flipped kernel", () => {
    fc.assert(
      fc.property(problems, ({ options, shape, outChannels, x, kernel }) => {
        fc.pre(options.transposed === true && options.groups === 1);
        const inChannels = shape[shape.length - 1];
        const spatial = shape.slice(1, -1);
        const { strides, extent, padding, outputSize } = geometryAt(options, spatial);

        // Zeros between the pixels and around them: the kernel's extent less the padding.
        const stretched = outputSize.map((size, axis) => size + extent[axis] - 1);
        const spread = new Float64Array(shape[0] * product(stretched) * inChannels);
        forEachIndex([shape[0], ...spatial, inChannels], (at, flat) => {
          const to = at.map((i, a) =>
            a === 0 || a > spatial.length ? i : i * strides[a - 1] + extent[a - 1] - 1 - padding[a - 1][0],
          );
          const sizes = [shape[0], ...stretched, inChannels];
          if (to.every((i, a) => i >= 0 && i < sizes[a])) spread[flatten(to, sizes)] = x[flat];
        });

        const kernelShape = [...options.kernelSize, inChannels, outChannels];
        const flipped = new Float64Array(kernel.length);
        forEachIndex(kernelShape, (at, flat) => {
          const from = [
            ...options.kernelSize.map((k, a) => k - 1 - at[a]),
            at[at.length - 1],
            at[at.length - 2],
          ];
          flipped[flat] = kernel[flatten(from, [...options.kernelSize, outChannels, inChannels])];
        });
        const expected = referenceConv(spread, [shape[0], ...stretched, inChannels], flipped, {
          kernelSize: options.kernelSize,
          dilations: options.dilations,
        });
        const actual = referenceConv(x, shape, kernel, options);
        expect(actual.shape).toEqual(expected.shape);
        expectAllNear(actual.y, expected.y);
      }),
    );
  });
});

describe("padMode", () => {
  // A kernel that is 1 only at its first or last position shows what lies 2 before or after each pixel.
  it.each<[PadMode, number[], number[]]>([
    ["zeros", [0, 0, 1, 2], [3, 4, 0, 0]],
    ["reflect", [3, 2, 1, 2], [3, 4, 3, 2]],
    ["replicate", [1, 1, 1, 2], [3, 4, 4, 4]],
    ["circular", [3, 4, 1, 2], [3, 4, 1, 2]],
  ])("%s", (padMode, before, after) => {
    const options = { kernelSize: 5, pad: 2, padMode };
    const shifted = (kernel: number[]) =>
      Array.from(referenceConv([1, 2, 3, 4], [1, 4, 1], kernel, options).y);
    expect(shifted([1, 0, 0, 0, 0])).toEqual(before);
    expect(shifted([0, 0, 0, 0, 1])).toEqual(after);
  });
});

it("does not flip the kernel", () => {
  const { y, shape } = referenceConv([1, 10, 100], [1, 3, 1], [1, 2, 3], { kernelSize: [3], pad: 1 });
  expect(shape).toEqual([1, 3, 1]);
  expect(Array.from(y)).toEqual([32, 321, 210]);
});

it("accepts empty batches", () => {
  expect(referenceConv([], [0, 5, 5, 2], new Float64Array(9 * 2 * 3), { kernelSize: 3 })).toEqual({
    y: new Float64Array(0),
    shape: [0, 3, 3, 3],
  });
});

describe("rejects", () => {
  const x = new Float64Array(2 * 5 * 4);
  const shape = [2, 5, 4];
  const kernel = new Float64Array(3 * 4 * 6);
  const code = "invalid-shape";

  it("a shape without spatial axes", () => {
    expectGmrError(
      () => referenceConv(x, [10, 4], kernel, { kernelSize: 3 }),
      "invalid-argument",
      "the number of spatial axes must be 1, 2 or 3, got 0",
    );
  });

  it("lengths that do not fit", () => {
    expectGmrError(
      () => referenceConv(x, [2, 6, 4], kernel, { kernelSize: 3 }),
      code,
      "x must hold 48 numbers ([2, 6, 4]), got 40",
    );
    expectGmrError(
      () => referenceConv(x, shape, [1], { kernelSize: 3 }),
      code,
      "kernel must hold a positive multiple of 12 numbers (kernel size [3], 4 input channels, 1 groups), got 1",
    );
    expectGmrError(
      () => referenceConv(x, shape, kernel, { kernelSize: 3, bias: [1] }),
      code,
      "bias must hold 6 numbers (one per output channel), got 1",
    );
    expectGmrError(
      () => referenceConvGrad(x, shape, kernel, [1], { kernelSize: 3 }),
      code,
      "gradY must hold 36 numbers ([2, 3, 6]), got 1",
    );
  });

  it("groups that do not divide the channels", () => {
    expectGmrError(
      () => referenceConv(x, shape, kernel, { kernelSize: 3, groups: 3 }),
      code,
      "groups must divide the input channels, got 3 groups for 4 channels",
    );
    expectGmrError(
      () => referenceConv(x, shape, new Float64Array(9), { kernelSize: 3, groups: 4 }),
      code,
      "groups must divide the output channels, got 4 groups for 3 channels",
    );
  });
});

/** A grouped kernel [Πk, rows/groups, columns] as a kernel [Πk, rows, columns] with zeros between groups. */
function spreadGroups(kernel: Float64Array, rows: number, columns: number, groups: number): Float64Array {
  const rowsPerGroup = rows / groups;
  const columnsPerGroup = columns / groups;
  const dense = new Float64Array(kernel.length * groups);
  kernel.forEach((value, i) => {
    const column = i % columns;
    const row = Math.floor(i / columns) % rowsPerGroup;
    const position = Math.floor(i / columns / rowsPerGroup);
    const group = Math.floor(column / columnsPerGroup);
    dense[(position * rows + group * rowsPerGroup + row) * columns + column] = value;
  });
  return dense;
}

function forEachIndex(sizes: number[], visit: (at: number[], flat: number) => void): void {
  for (let flat = 0; flat < product(sizes); flat++) {
    const at: number[] = [];
    for (let axis = sizes.length - 1, rest = flat; axis >= 0; axis--) {
      at.unshift(rest % sizes[axis]);
      rest = Math.floor(rest / sizes[axis]);
    }
    visit(at, flat);
  }
}

function flatten(at: number[], sizes: number[]): number {
  return at.reduce((flat, i, axis) => flat * sizes[axis] + i, 0);
}
