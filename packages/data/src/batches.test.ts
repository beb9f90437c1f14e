import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { augmenter } from "./augment.ts";
import { BatchStream, type BatchStreamOptions } from "./batches.ts";
import { numberedSet } from "./testing/arbitraries.ts";

const cases = fc.record({
  count: fc.integer({ min: 1, max: 40 }),
  batchSize: fc.integer({ min: 1, max: 12 }),
  epochs: fc.integer({ min: 1, max: 3 }),
  seed: fc.integer(),
});

function stream(count: number, options: Partial<BatchStreamOptions>): BatchStream {
  return new BatchStream(numberedSet(count), {
    batchSize: 4,
    epochs: 2,
    seed: 1,
    partial: "keep",
    ...options,
  });
}

describe("BatchStream", () => {
  it("covers every image once per epoch", () => {
    fc.assert(
      fc.property(cases, ({ count, ...options }) => {
        const seen = Array.from({ length: options.epochs }, () => [] as number[]);
        for (const batch of stream(count, options)) {
          seen[batch.epoch].push(...batch.indices);
          expect([...batch.labels]).toEqual([...batch.indices]);
          expect(batch.images[0]).toBe(Math.fround(batch.indices[0] / 255));
        }
        const all = Array.from({ length: count }, (_, n) => n);
        for (const epoch of seen) expect(epoch.sort((a, b) => a - b)).toEqual(all);
      }),
    );
  });

  it("continues anywhere as if never interrupted", () => {
    const augment = augmenter({ translate: 1, subpixel: true });
    fc.assert(
      fc.property(cases, fc.nat(), ({ count, ...options }, pick) => {
        const whole = [...stream(count, { ...options, augment })];
        const fresh = stream(count, { ...options, augment });
        const at = pick % whole.length;
        const { epoch, step } = whole[at];
        expect([...fresh.from(epoch, step)]).toEqual(whole.slice(at));
        expect(fresh.batch(epoch, step)).toEqual(whole[at]);
      }),
      { numRuns: 40 },
    );
  });

  it("orders each epoch and seed differently, or not at all", () => {
    const order = (seed: number, epoch: number) => [
      ...stream(40, { seed, batchSize: 40 }).batch(epoch, 0).indices,
    ];
    expect(order(1, 0)).not.toEqual(order(1, 1));
    expect(order(1, 0)).not.toEqual(order(2, 0));
    expect(order(1, 1)).toEqual(order(1, 1));
    const plain = stream(6, { shuffle: false, batchSize: 6 }).batch(1, 0);
    expect([...plain.indices]).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it("drops or keeps the last partial batch", () => {
    const sizes = (partial: "drop" | "keep") =>
      [...stream(10, { partial, epochs: 1 })].map(({ count }) => count);
    expect(sizes("drop")).toEqual([4, 4]);
    expect(sizes("keep")).toEqual([4, 4, 2]);
    expect(stream(10, { partial: "drop" }).totalSteps).toBe(4);
  });

  it("takes the end of an epoch for the start of the next, and of the last for the end", () => {
    const batches = stream(8, {});
    expect(batches.from(0, 2).next().value).toEqual(batches.batch(1, 0));
    expect([...batches.from(1, 2)]).toEqual([]);
    expect([...batches.from(2, 0)]).toEqual([]);
  });

  it("refuses what makes no sense", () => {
    expect(() => stream(8, { batchSize: 0 })).toThrow("batchSize 0");
    expect(() => stream(8, { epochs: 1.5 })).toThrow("epochs 1.5");
    expect(() => stream(8, { seed: Number.NaN })).toThrow("seed NaN");
    expect(() => stream(8, { batchSize: 9, partial: "drop" })).toThrow("batchSize 9, expected at most 8");
    expect(() => stream(8, {}).batch(0, 2)).toThrow("position (epoch 0, step 2)");
    expect(() => stream(8, {}).batch(2, 0)).toThrow("expected epochs from 0 to 1");
    expect(() => [...stream(8, {}).from(0, -1)]).toThrow("step -1");
  });
});
