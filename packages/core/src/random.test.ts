import { describe, expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { Random, type RandomState } from "./random.ts";

const SAMPLES = 20_000;
const draw = (count: number, next: () => number) => Array.from({ length: count }, next);
const mean = (values: number[]) => values.reduce((a, b) => a + b) / values.length;

describe("Random", () => {
  it("gives xoshiro128**'s published numbers from the state 1, 2, 3, 4", () => {
    const random = new Random(0);
    random.restore([1, 2, 3, 4]);
    expect(draw(10, () => random.bits())).toEqual([
      11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
    ]);
  });

  it("is reproducible, and different seeds differ", () => {
    const numbers = (seed: number) => {
      const random = new Random(seed);
      return draw(5, () => random.bits());
    };
    expect(numbers(42)).toEqual(numbers(42));
    const seeds = [0, 1, 2, 42, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER];
    expect(new Set(seeds.map((seed) => numbers(seed).join())).size).toBe(seeds.length);
  });

  it("continues from a stored state", () => {
    const random = new Random(7);
    random.normal();
    const state = random.state();
    const expected = [random.normal(), random.uniform(), random.int(10)];
    const resumed = new Random(0);
    resumed.restore(JSON.parse(JSON.stringify(state)));
    expect([resumed.normal(), resumed.uniform(), resumed.int(10)]).toEqual(expected);
  });

  it("draws uniform numbers within their range", () => {
    const random = new Random(1);
    const values = draw(SAMPLES, () => random.uniform(-1, 3));
    expect(Math.min(...values)).toBeGreaterThanOrEqual(-1);
    expect(Math.max(...values)).toBeLessThan(3);
    expect(mean(values)).toBeCloseTo(1, 1);
  });

  it("draws normal numbers with the given mean and standard deviation", () => {
    const random = new Random(2);
    const values = draw(SAMPLES, () => random.normal(5, 2));
    expect(values.every(Number.isFinite)).toBe(true);
    expect(mean(values)).toBeCloseTo(5, 1);
    expect(Math.sqrt(mean(values.map((value) => (value - 5) ** 2)))).toBeCloseTo(2, 1);
    const withinOneStd = values.filter((value) => Math.abs(value - 5) < 2).length / SAMPLES;
    expect(withinOneStd).toBeCloseTo(0.683, 1);
  });

  it("draws every integer equally often", () => {
    const random = new Random(3);
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < SAMPLES; i++) counts[random.int(7)]++;
    for (const count of counts) expect(count / SAMPLES).toBeCloseTo(1 / 7, 1);
    expect(random.int(1)).toBe(0);
    expect(random.int(2 ** 32)).toBeLessThan(2 ** 32);
  });

  it("shuffles in place without losing anything", () => {
    const random = new Random(4);
    const array = Int32Array.from({ length: 100 }, (_, i) => i);
    const shuffled = random.shuffle(array);
    expect(shuffled).toBe(array);
    expect(Array.from(array)).not.toEqual(Array.from(array).sort((a, b) => a - b));
    expect(new Set(array).size).toBe(100);
    expect(random.shuffle([])).toEqual([]);
  });

  it("rejects bad seeds, bounds and states", () => {
    const random = new Random(5);
    const code = "invalid-argument";
    expectGmrError(() => new Random(-1), code, "seed must be an integer of at least 0, got -1");
    expectGmrError(() => new Random(0.5), code, "seed must be an integer of at least 0, got 0.5");
    expectGmrError(() => random.int(0), code, "n must be a positive integer, got 0");
    expectGmrError(() => random.int(2 ** 33), code, "n must be at most 2^32, got 8589934592");
    const zeros: RandomState = [0, 0, 0, 0];
    expectGmrError(
      () => random.restore(zeros),
      "invalid-data",
      "a random state is four 32-bit integers, not all 0, got [0, 0, 0, 0]",
    );
    expectGmrError(
      () => random.restore([1, 2, 3, -4]),
      "invalid-data",
      "a random state is four 32-bit integers, not all 0, got [1, 2, 3, -4]",
    );
  });
});
