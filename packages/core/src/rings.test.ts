import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import type { PerAxis } from "./axes.ts";
import { centreDistances, defaultNumRings, type RingOptions, ringMasks, ringPartition } from "./rings.ts";

const oddSize = fc.integer({ min: 0, max: 6 }).map((n) => 2 * n + 1);
const kernelSizes = fc.array(oddSize, { minLength: 1, maxLength: 3 });
const ringOptions = fc.record({
  numRings: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
  circular: fc.boolean(),
});

// Agreement with the official package is tested in referenceGmr.test.ts, on all its cases.

describe("ringPartition", () => {
  it("cuts a 5×5 kernel into three rings without its corners", () => {
    const { index, counts, numRings, kernelSize, circular } = ringPartition(5);
    expect({ numRings, kernelSize, circular }).toEqual({ numRings: 3, kernelSize: [5, 5], circular: true });
    // biome-ignore format: a picture of the kernel
    expect(Array.from(index)).toEqual([
      -1,  2,  2,  2, -1,
       2,  1,  1,  1,  2,
       2,  1,  0,  1,  2,
       2,  1,  1,  1,  2,
      -1,  2,  2,  2, -1,
    ]);
    expect(Array.from(counts)).toEqual([1, 8, 12]);
  });

  it("rejects what does not fit into memory, at once", () => {
    const refused = (kernelSize: PerAxis, options: RingOptions, message: string) =>
      expectGmrError(() => ringPartition(kernelSize, options), "invalid-argument", message);
    refused(10001, {}, "kernelSize [10001, 10001] asks for 100020001 kernel positions, at most 1048576 fit");
    refused(
      1001,
      { rank: 3 },
      "kernelSize [1001, 1001, 1001] asks for 1003003001 kernel positions, at most 1048576 fit",
    );
    refused(9, { numRings: 1e9 }, "numRings 1000000000 asks for 1000000000 rings, at most 4096 fit");
    expectGmrError(
      () => ringMasks(ringPartition(1023, { numRings: 4096 })),
      "invalid-argument",
      "numRings 4096 with kernelSize [1023, 1023] asks for 4286582784 shares of positions in rings, " +
        "at most 268435456 fit",
    );
    expect(ringPartition(1023).index).toHaveLength(1023 ** 2);
  });

  it("puts every position between the edges of its ring", () => {
    fc.assert(
      fc.property(kernelSizes, fc.integer({ min: 1, max: 40 }), (kernelSize, numRings) => {
        const { index } = ringPartition(kernelSize, { numRings });
        const stop = Math.floor(kernelSize[0] / 2) + 0.5;
        const edge = (ring: number) => (ring === numRings ? stop : ring * (stop / numRings));
        const found = Array.from(centreDistances(kernelSize), (distance) => {
          for (let ring = 0; ring < numRings; ring++) {
            if (distance >= edge(ring) && distance < edge(ring + 1)) return ring;
          }
          return -1;
        });
        expect(Array.from(index)).toEqual(found);
      }),
    );
  });

  it("puts every position of a non-circular kernel on a ring, only the corners on the last", () => {
    const { index, numRings } = ringPartition(5, { circular: false });
    expect(numRings).toBe(4);
    // biome-ignore format: a picture of the kernel
    expect(Array.from(index)).toEqual([
      3, 2, 2, 2, 3,
      2, 1, 1, 1, 2,
      2, 1, 0, 1, 2,
      2, 1, 1, 1, 2,
      3, 2, 2, 2, 3,
    ]);
  });

  it("works for k = 1 and for a single ring", () => {
    expect(ringPartition(1)).toMatchObject({
      numRings: 1,
      index: Int32Array.of(0),
      counts: Int32Array.of(1),
    });
    expect(ringPartition(1, { circular: false })).toMatchObject({
      numRings: 2,
      index: Int32Array.of(1),
      counts: Int32Array.of(0, 1),
    });
    expect(Array.from(ringPartition(3, { numRings: 1 }).counts)).toEqual([9]);
    expect(Array.from(ringPartition(3, { numRings: 1, circular: false }).counts)).toEqual([1]);
  });

  it("measures by the first size, so the ends of a longer second axis are left out", () => {
    expect(Array.from(ringPartition([3, 7]).counts)).toEqual([1, 8]);
    expect(ringPartition(3, { rank: 3 }).kernelSize).toEqual([3, 3, 3]);
    expect(ringPartition(3, { rank: 1 }).kernelSize).toEqual([3]);
  });

  it("gives each position at most one ring, and counts them", () => {
    fc.assert(
      fc.property(kernelSizes, ringOptions, (size, options) => {
        const { index, counts, numRings } = ringPartition(size, options);
        expect(counts.length).toBe(numRings);
        for (let ring = 0; ring < numRings; ring++) {
          expect(index.filter((r) => r === ring).length).toBe(counts[ring]);
        }
        if (!options.circular && numRings > 1) expect(index.includes(-1)).toBe(false);
      }),
    );
  });

  it("is exactly symmetric under flips of every axis", () => {
    fc.assert(
      fc.property(kernelSizes, ringOptions, (size, options) => {
        const { index } = ringPartition(size, options);
        size.forEach((_, axis) => {
          const flipped = reindex(size, index, (at) => at.map((i, a) => (a === axis ? size[a] - 1 - i : i)));
          expect(flipped).toEqual(index);
        });
      }),
    );
  });

  it("is exactly symmetric under swaps of equal axes", () => {
    fc.assert(
      fc.property(oddSize, fc.constantFrom(2, 3), ringOptions, (k, rank, options) => {
        const size = new Array<number>(rank).fill(k);
        const { index } = ringPartition(size, options);
        expect(reindex(size, index, (at) => at.toReversed())).toEqual(index);
        expect(reindex(size, index, ([a, b, ...rest]) => [b, a, ...rest])).toEqual(index);
      }),
    );
  });

  it.each<[string, () => unknown, string]>([
    ["even size", () => ringPartition(4), "kernelSize must be an odd positive integer, got 4"],
    [
      "even size of one axis",
      () => ringPartition([3, 6]),
      "kernelSize[1] must be an odd positive integer, got 6",
    ],
    ["zero size", () => ringPartition(0), "kernelSize must be an odd positive integer, got 0"],
    ["negative size", () => ringPartition(-3), "kernelSize must be an odd positive integer, got -3"],
    ["NaN size", () => ringPartition(Number.NaN), "kernelSize must be an odd positive integer, got NaN"],
    [
      "a missing size",
      () => ringPartition(JSON.parse("null")),
      "kernelSize must be an odd positive integer, got null",
    ],
    [
      "a string",
      () => ringPartition(JSON.parse('"3"')),
      'kernelSize must be an odd positive integer, got "3"',
    ],
    ["no axes", () => ringPartition([]), "the number of axes of kernelSize must be 1, 2 or 3, got 0"],
    [
      "four axes",
      () => ringPartition([3, 3, 3, 3]),
      "the number of axes of kernelSize must be 1, 2 or 3, got 4",
    ],
    ["no rings", () => ringPartition(3, { numRings: 0 }), "numRings must be a positive integer, got 0"],
    [
      "half a ring",
      () => ringPartition(3, { numRings: 1.5 }),
      "numRings must be a positive integer, got 1.5",
    ],
  ])("rejects %s", (_, action, message) => {
    expectGmrError(action, "invalid-argument", message);
  });

  it("rejects a list that does not have the given rank", () => {
    expectGmrError(
      () => ringPartition([3, 3], { rank: 3 }),
      "invalid-shape",
      "kernelSize must have 3 entries, got [3, 3]",
    );
  });
});

it("defaultNumRings counts by the first size", () => {
  expect([1, 3, 5, 9].map((k) => defaultNumRings(k))).toEqual([1, 2, 3, 5]);
  expect([1, 3, 5, 9].map((k) => defaultNumRings([k, 3], false))).toEqual([2, 3, 4, 6]);
});

it("ringMasks are the partition as zeros and ones", () => {
  expect(Array.from(ringMasks(ringPartition(3, { rank: 1 })))).toEqual([0, 1, 0, 1, 0, 1]);
});

it("centreDistances are Euclidean", () => {
  const diagonal = Math.SQRT2;
  expect(Array.from(centreDistances([3, 3]))).toEqual([
    diagonal,
    1,
    diagonal,
    1,
    0,
    1,
    diagonal,
    1,
    diagonal,
  ]);
});

/** The values at positions mapped by `map`, in row-major order. */
function reindex(size: number[], values: Int32Array, map: (at: number[]) => number[]): Int32Array {
  return values.map((_, position) => {
    const at: number[] = [];
    for (let axis = size.length - 1, rest = position; axis >= 0; axis--) {
      at.unshift(rest % size[axis]);
      rest = Math.floor(rest / size[axis]);
    }
    return values[map(at).reduce((flat, i, axis) => flat * size[axis] + i, 0)];
  });
}
