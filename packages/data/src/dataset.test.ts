import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { cached } from "./cached.ts";
import { datasetOf, joined, pick, pickEvenly, readFloats } from "./dataset.ts";
import { splitDataset } from "./split.ts";
import { numberedSet } from "./testing/arbitraries.ts";

/** A data set with classes in turn, optionally in groups. */
function numbered(count: number, classes = 3, groupSize = 0) {
  const labels = Int32Array.from({ length: count }, (_, n) => n % classes);
  const dataset = datasetOf({ ...numberedSet(count), labels, classNames: ["a", "b", "c"] });
  const groups = groupSize > 0 ? labels.map((_, n) => Math.floor(n / groupSize)) : undefined;
  return { ...dataset, groups, source: (index: number) => `image ${index}` };
}

/** Which images of `numbered` a part holds. */
async function members(dataset: ReturnType<typeof pick>): Promise<number[]> {
  const { images } = await dataset.read(Array.from({ length: dataset.count }, (_, n) => n));
  return Array.from({ length: dataset.count }, (_, n) => images[n * 6]);
}

describe("parts of a data set", () => {
  it("keep labels, groups and sources", async () => {
    const part = pick(numbered(10, 3, 2), [7, 2]);
    expect(await members(part)).toEqual([7, 2]);
    expect([part.labels, part.groups, part.source?.(0)]).toEqual([
      Int32Array.of(1, 2),
      Int32Array.of(3, 1),
      "image 7",
    ]);
    expect(await members(pickEvenly(numbered(10), 4))).toEqual([0, 2, 5, 7]);
    expect(() => pick(numbered(3), [3])).toThrow("index 3, expected integers from 0 to 2 (numbered)");
    expect(() => pickEvenly(numbered(3), 4)).toThrow("subset of 4 images, expected 1 to 3");
  });

  it("are disjoint, complete, of the sizes asked for, and keep the shares of the classes", async () => {
    const cases = fc.record({ count: fc.integer({ min: 30, max: 200 }), seed: fc.nat() });
    await fc.assert(
      fc.asyncProperty(cases, async ({ count, seed }) => {
        const parts = splitDataset(numbered(count), { train: 0.7, validation: 0.1, test: 0.2 }, { seed });
        const all = (await Promise.all(Object.values(parts).map(members))).flat();
        expect(all.sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, n) => n));
        expect(Math.abs(parts.test.count - 0.2 * count)).toBeLessThanOrEqual(2);
        const ofClass = (label: number) =>
          Array.from(parts.train.labels ?? []).filter((l) => l === label).length;
        expect(Math.abs(ofClass(0) - ofClass(2))).toBeLessThanOrEqual(3);
      }),
      { numRuns: 40 },
    );
  });

  it("never split a group", async () => {
    const parts = splitDataset(numbered(120, 3, 5), { train: 0.75, test: 0.25 }, { seed: 3 });
    const groups = async (part: typeof parts.train) =>
      new Set((await members(part)).map((index) => Math.floor(index / 5)));
    const [train, test] = [await groups(parts.train), await groups(parts.test)];
    expect([...train].filter((group) => test.has(group))).toEqual([]);
    expect(train.size + test.size).toBe(24);
    expect(Math.abs(test.size - 6)).toBeLessThanOrEqual(1);
  });

  it("depend on the seed alone", async () => {
    const of = async (seed: number) => members(splitDataset(numbered(40), { test: 0.3 }, { seed }).test);
    expect(await of(1)).toEqual(await of(1));
    expect(await of(1)).not.toEqual(await of(2));
  });

  it("are refused where they make no sense", () => {
    expect(() => splitDataset(numbered(9), { a: 0.8, b: 0.4 })).toThrow(
      "add up to at most 1, got [0.8, 0.4]",
    );
    expect(() => splitDataset(numbered(2), { a: 0.5, b: 0.3, c: 0.2 })).toThrow(
      "numbered has too few images or groups to split into a, b, c: 2 images",
    );
  });

  it("are never empty, however small", () => {
    const { a, b } = splitDataset(numbered(9), { a: 0.9, b: 0.001 });
    expect([a.count, b.count]).toEqual([7, 1]);
  });
});

describe("reading", () => {
  it("gives bytes as numbers from 0 to 1", async () => {
    const { images, labels } = await readFloats(numbered(4), [2, 2]);
    expect(images[0]).toBe(Math.fround(2 / 255));
    expect([...labels]).toEqual([2, 2]);
  });

  it("reads once what fits into the cache, in any order", async () => {
    const dataset = numbered(6);
    const read = vi.fn(dataset.read);
    const twice = cached({ ...dataset, inMemory: false, read }, 3 * (6 + 4));
    for (let epoch = 0; epoch < 2; epoch++) {
      const { images, labels } = await twice.read([4, 1, 0, 4, 5]);
      expect([0, 1, 2, 3, 4].map((n) => images[n * 6])).toEqual([4, 1, 0, 4, 5]);
      expect([...labels]).toEqual([1, 1, 0, 1, 2]);
    }
    expect(read.mock.calls).toEqual([[[4, 1, 0, 5]], [[5]]]);
    expect(twice.source?.(3)).toBe("image 3");
  });

  it("joins bytes and floats", () => {
    const bytes = { images: Uint8Array.of(255), labels: Int32Array.of(1) };
    const floats = { images: Float32Array.of(0.5), labels: Int32Array.of(2) };
    expect(joined([bytes, bytes]).images).toEqual(Uint8Array.of(255, 255));
    expect(joined([bytes, floats])).toEqual({ images: Float32Array.of(1, 0.5), labels: Int32Array.of(1, 2) });
  });
});
