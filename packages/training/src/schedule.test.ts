import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { learningRateFactor } from "./schedule.ts";
import type { ScheduleSettings } from "./settings.ts";

const run = (schedule: ScheduleSettings, steps: number, perEpoch = steps): number[] =>
  Array.from({ length: steps }, (_, step) => learningRateFactor(schedule, step, steps, perEpoch));

describe("learningRateFactor", () => {
  it("falls along a cosine as PyTorch's CosineAnnealingLR(T_max=10, eta_min=0.1)", () => {
    const torch = [1, 0.97797543, 0.91405765, 0.81450336, 0.68905765, 0.55, 0.41094235, 0.28549664];
    run({ name: "cosine", minimum: 0.1 }, 10)
      .slice(0, 8)
      .forEach((factor, i) => {
        expect(factor).toBeCloseTo(torch[i], 7);
      });
  });

  it("rises along a line first", () => {
    const factors = run({ name: "constant", warmup: 0.4 }, 10);
    expect(factors).toEqual([0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 1, 1]);
    expect(run({ name: "cosine", warmup: 0.4 }, 10)[4]).toBe(1);
  });

  it("falls by a factor every few epochs, or after given ones", () => {
    const rounded = (factors: number[]) => factors.map((factor) => Number(factor.toFixed(4)));
    expect(rounded(run({ name: "step", every: 2, factor: 0.1 }, 12, 2))).toEqual([
      1, 1, 1, 1, 0.1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.01,
    ]);
    expect(rounded(run({ name: "multistep", at: [1, 4], factor: 0.5 }, 6, 1))).toEqual([
      1, 0.5, 0.5, 0.5, 0.25, 0.25,
    ]);
  });

  it("rises and falls in one cycle", () => {
    const factors = run({ name: "onecycle" }, 1000);
    expect(factors[0]).toBeCloseTo(1 / 25, 9);
    expect(factors[150]).toBeCloseTo((1 + 1 / 25) / 2, 9);
    expect(factors[300]).toBe(1);
    expect(factors[650]).toBeCloseTo((1 + 1e-4) / 2, 9);
    expect(factors[999]).toBeCloseTo(1e-4, 4);
  });

  it("is a share of the largest rate at every step of any schedule", () => {
    const schedule = fc.oneof(
      fc.record({
        name: fc.constant("cosine" as const),
        warmup: fc.double({ min: 0, max: 0.99, noNaN: true }),
        minimum: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
      fc.record({
        name: fc.constant("onecycle" as const),
        warmup: fc.double({ min: 0, max: 0.99, noNaN: true }),
      }),
      fc.record({
        name: fc.constant("step" as const),
        every: fc.nat(5).map((n) => n + 1),
        factor: fc.constant(0.3),
      }),
    );
    fc.assert(
      fc.property(
        schedule,
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 50 }),
        (s, steps, per) => {
          for (const factor of run(s, steps, per)) {
            expect(factor).toBeGreaterThanOrEqual(0);
            expect(factor).toBeLessThanOrEqual(1);
          }
        },
      ),
    );
  });
});
