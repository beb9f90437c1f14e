import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { augmenter } from "./augment/augment.ts";
import { BatchStream, type BatchStreamOptions } from "./batches.ts";
import { datasetOf } from "./dataset.ts";
import { numberedSet } from "./testing/arbitraries.ts";

const cases = fc.record({
  count: fc.integer({ min: 1, max: 40 }),
  batchSize: fc.integer({ min: 1, max: 12 }),
  epochs: fc.integer({ min: 1, max: 3 }),
  seed: fc.integer(),
});

function stream(count: number, options: Partial<BatchStreamOptions>): BatchStream {
  return new BatchStream(datasetOf(numberedSet(count)), {
    batchSize: 4,
    epochs: 2,
    seed: 1,
    partial: "keep",
    ...options,
  });
}

/** What a stream still gives. */
async function all<T>(batches: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const batch of batches) list.push(batch);
  return list;
}

describe("BatchStream", () => {
  it("covers every image once per epoch", async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ count, ...options }) => {
        const seen = Array.from({ length: options.epochs }, () => [] as number[]);
        for await (const batch of stream(count, options)) {
          seen[batch.epoch].push(...batch.indices);
          expect([...batch.labels]).toEqual([...batch.indices]);
          expect(batch.images[0]).toBe(Math.fround(batch.indices[0] / 255));
        }
        const every = Array.from({ length: count }, (_, n) => n);
        for (const epoch of seen) expect(epoch.sort((a, b) => a - b)).toEqual(every);
      }),
    );
  });

  it("makes parts of batches that are the whole batch together, mixed or not", async () => {
    const augments = [{}, { mixup: 0.5 }].map((mix) =>
      augmenter({ translate: 1, subpixel: true, colour: { brightness: 0.2 }, erase: {}, ...mix }),
    );
    await fc.assert(
      fc.asyncProperty(
        cases,
        fc.integer({ min: 1, max: 5 }),
        fc.constantFrom(...augments),
        async ({ count, batchSize, ...options }, of, augment) => {
          const given = { ...options, batchSize: Math.max(batchSize, of), augment };
          const whole = await all(stream(count, given));
          const parts = await Promise.all(
            Array.from({ length: of }, (_, index) => all(stream(count, { ...given, part: { index, of } }))),
          );
          whole.forEach((batch, step) => {
            for (const key of ["images", "labels", "indices", "shares"] as const) {
              const together = parts.flatMap((own) => Array.from(own[step][key] ?? []));
              expect(together).toEqual(Array.from(batch[key] ?? []));
            }
          });
        },
      ),
      { numRuns: 40 },
    );
    const wrong = (part: { index: number; of: number }) => () => stream(8, { part });
    expectGmrError(
      wrong({ index: 0, of: 5 }),
      "invalid-argument",
      /batchSize 4 for 5 parts, expected at least/,
    );
    expectGmrError(wrong({ index: 2, of: 2 }), "invalid-argument", /part.index 2, expected 0 to 1/);
  });

  it("continues anywhere as if never interrupted", async () => {
    const augment = augmenter({ translate: 1, subpixel: true });
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(), async ({ count, ...options }, pick) => {
        const whole = await all(stream(count, { ...options, augment }));
        const fresh = stream(count, { ...options, augment });
        const at = pick % whole.length;
        const { epoch, step } = whole[at];
        expect(await all(fresh.from(epoch, step))).toEqual(whole.slice(at));
        expect(await fresh.batch(epoch, step)).toEqual(whole[at]);
      }),
      { numRuns: 40 },
    );
  });

  it("orders each epoch and seed differently, or not at all", async () => {
    const order = async (seed: number, epoch: number) => [
      ...(await stream(40, { seed, batchSize: 40 }).batch(epoch, 0)).indices,
    ];
    expect(await order(1, 0)).not.toEqual(await order(1, 1));
    expect(await order(1, 0)).not.toEqual(await order(2, 0));
    expect(await order(1, 1)).toEqual(await order(1, 1));
    const plain = await stream(6, { sampling: "none", batchSize: 6 }).batch(1, 0);
    expect([...plain.indices]).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it("draws every class equally often, and its images in turn", async () => {
    const labels = Int32Array.from({ length: 24 }, (_, n) => Number(n >= 20));
    const dataset = datasetOf({ ...numberedSet(24), labels, classNames: ["many", "few"] });
    const batches = new BatchStream(dataset, { batchSize: 24, epochs: 2, seed: 1, sampling: "balanced" });
    const { indices } = await batches.batch(0, 0);
    const few = indices.filter((index) => index >= 20);
    expect(few).toHaveLength(12);
    expect([20, 21, 22, 23].map((index) => few.filter((i) => i === index).length)).toEqual([3, 3, 3, 3]);
    expect(new Set(indices.filter((index) => index < 20)).size).toBe(12);
    expect((await batches.batch(1, 0)).indices).not.toEqual(indices);
  });

  it("shares its batches among workers", async () => {
    const whole = await all(stream(24, {}));
    const shares = [0, 1, 2].map((worker) => all(stream(24, {}).from(0, worker, 3)));
    const [a, b, c] = await Promise.all(shares);
    expect([a[0], b[0], c[0], a[1], b[1], c[1]]).toEqual(whole.slice(0, 6));
  });

  it("drops or keeps the last partial batch", async () => {
    const sizes = async (partial: "drop" | "keep") =>
      (await all(stream(10, { partial, epochs: 1 }))).map(({ count }) => count);
    expect(await sizes("drop")).toEqual([4, 4]);
    expect(await sizes("keep")).toEqual([4, 4, 2]);
    expect(stream(10, { partial: "drop" }).totalSteps).toBe(4);
  });

  it("takes the end of an epoch for the start of the next, and of the last for the end", async () => {
    const batches = stream(8, {});
    expect((await batches.from(0, 2).next()).value).toEqual(await batches.batch(1, 0));
    expect(await all(batches.from(1, 2))).toEqual([]);
    expect(await all(batches.from(2, 0))).toEqual([]);
  });

  it("refuses what makes no sense", async () => {
    expect(() => stream(8, { batchSize: 0 })).toThrow("batchSize must be a positive integer, got 0");
    expect(() => stream(8, { epochs: 1.5 })).toThrow("epochs must be a positive integer, got 1.5");
    expect(() => stream(8, { seed: Number.NaN })).toThrow("seed NaN");
    expect(() => stream(8, { batchSize: 9, partial: "drop" })).toThrow("batchSize 9, expected at most 8");
    expect(() => stream(8, { sampling: "random" as "none" })).toThrow("sampling must be one of");
    await expect(stream(8, {}).batch(0, 2)).rejects.toThrow("position (epoch 0, step 2)");
    await expect(stream(8, {}).batch(2, 0)).rejects.toThrow("expected epochs from 0 to 1");
    await expect(all(stream(8, {}).from(0, -1))).rejects.toThrow("step -1");
  });
});
