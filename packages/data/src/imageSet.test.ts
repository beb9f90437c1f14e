import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evenSubset, gatherImages, subset, toFloat } from "./imageSet.ts";
import { numberedSet } from "./testing/arbitraries.ts";

describe("subset", () => {
  it("takes images and labels in the order given", () => {
    const part = subset(numberedSet(5), [4, 0, 4]);
    expect(part.count).toBe(3);
    expect([...part.labels]).toEqual([4, 0, 4]);
    expect([...part.images]).toEqual([4, 9, 9, 9, 9, 9, 0, 9, 9, 9, 9, 9, 4, 9, 9, 9, 9, 9]);
  });

  it.each([5, -1, 0.5, Number.NaN])("refuses index %d", (index) => {
    expect(() => subset(numberedSet(5), [0, index])).toThrow(`index ${index} at position 1`);
  });
});

describe("evenSubset", () => {
  it("spreads over the set without repeats", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.nat(), (size, pick) => {
        const count = 1 + (pick % size);
        const labels = [...evenSubset(numberedSet(size), count).labels];
        expect(new Set(labels).size).toBe(count);
        const gaps = labels.map((label, n) => (labels[n + 1] ?? size) - label);
        expect(Math.max(...gaps) - Math.min(...gaps)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it.each([0, 6, 1.5])("refuses %d of 5", (count) => {
    expect(() => evenSubset(numberedSet(5), count)).toThrow("expected 1 to 5");
  });
});

describe("pixels as floats", () => {
  it("scales bytes to [0, 1] with exact ends", () => {
    const set = { ...numberedSet(1), images: Uint8Array.of(0, 255, 51, 0, 255, 102) };
    const expected = Float32Array.of(0, 1, 0.2, 0, 1, 0.4);
    expect(toFloat(set).images).toEqual(expected);
    expect(gatherImages(set, [0])).toEqual(expected);
  });

  it("leaves floats alone and agrees with gathering", () => {
    const floats = toFloat(numberedSet(7));
    expect(toFloat(floats).images).toBe(floats.images);
    expect(gatherImages(floats, [3, 1])).toEqual(gatherImages(numberedSet(7), [3, 1]));
  });
});
