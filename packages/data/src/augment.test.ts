import { Random } from "@gmr-conv/core";
import { describe, expect, it } from "vitest";
import { augmenter } from "./augment.ts";
import type { ImageShape } from "./imageSet.ts";

const shape: ImageShape = [9, 9, 1];

/** `count` images with a single 1 in the middle. */
function dots(count: number): Float32Array {
  return Float32Array.from({ length: count * 81 }, (_, i) => (i % 81 === 40 ? 1 : 0));
}

describe("augmenter", () => {
  it("moves by whole pixels, every shift within reach and none beyond", () => {
    const moved = augmenter({ translate: 2 })(dots(500), shape, new Random(1));
    const shifts = new Set<string>();
    for (let n = 0; n < 500; n++) {
      const at = moved.subarray(n * 81, (n + 1) * 81).indexOf(1);
      shifts.add(`${(at % 9) - 4},${Math.floor(at / 9) - 4}`);
    }
    const reach = [-2, -1, 0, 1, 2];
    expect(shifts).toEqual(new Set(reach.flatMap((dx) => reach.map((dy) => `${dx},${dy}`))));
  });

  it("moves by fractions and scales, leaving the sum of a moved dot whole", () => {
    const moved = augmenter({ translate: 2.5, subpixel: true })(dots(20), shape, new Random(2));
    const sum = moved.reduce((total, value) => total + value, 0);
    expect(sum).toBeCloseTo(20, 4);
    expect(moved).not.toEqual(dots(20));
    const scaled = augmenter({ scale: [0.8, 1.2] })(dots(20), shape, new Random(3));
    expect(scaled.every((value) => value >= 0 && value <= 1)).toBe(true);
    expect(scaled).not.toEqual(dots(20));
  });

  it("is the same for the same random state, and nothing without options", () => {
    const augment = augmenter({ translate: 1, scale: [0.9, 1.1] });
    const once = augment(dots(5), shape, new Random(7));
    expect(augment(dots(5), shape, new Random(7))).toEqual(once);
    const batch = dots(1);
    expect(augmenter({})(batch, shape, new Random(7))).toBe(batch);
  });

  it("refuses what makes no sense", () => {
    expect(() => augmenter({ translate: 1.5 })).toThrow("translate 1.5, expected an integer");
    expect(() => augmenter({ translate: -1, subpixel: true })).toThrow("translate -1");
    expect(() => augmenter({ scale: [1.2, 0.8] })).toThrow("scale [1.2, 0.8]");
    expect(() => augmenter({ scale: [0, 1] })).toThrow("scale [0, 1]");
  });
});
