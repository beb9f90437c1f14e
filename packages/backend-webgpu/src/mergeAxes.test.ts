import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mergeAxes } from "./mergeAxes.ts";

describe("mergeAxes", () => {
  it("keeps the numbers and what broadcasts, on fewer axes", () => {
    const axis = fc.constantFrom([2, 2], [3, 1], [1, 4], [1, 1]);
    fc.assert(
      fc.property(fc.array(axis, { minLength: 1, maxLength: 6 }), (axes) => {
        const [a, b] = [axes.map(([n]) => n), axes.map(([, n]) => n)];
        const merged = mergeAxes(a, b);
        const count = (shape: number[]): number => shape.reduce((product, n) => product * n, 1);
        expect([count(merged.a), count(merged.b)]).toEqual([count(a), count(b)]);
        const broadcast = (left: number[], right: number[]) =>
          count(left.map((n, i) => Math.max(n, right[i])));
        expect(broadcast(merged.a, merged.b)).toBe(broadcast(a, b));
        expect(merged.a.length).toBeLessThanOrEqual(axes.length);
      }),
    );
  });
});
