// The model of scaling, its fits, and the command on a network so small that only the format of its answers counts.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findLaunchers, runRanks } from "../../../../tooling/testing/mpi.ts";
import { duration, rate } from "../commands/scale.ts";
import { fitLink, fitStep, type MeasuredStep, misfit } from "./fit.ts";
import { allReduceTime, type Cluster, type StepModel, scalingRows, stepTime, timeAt } from "./model.ts";

const CLI = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));
const SMALL =
  "scale --input-shape 8,8,1 --widths 4,6 --depths 1,1 --kernel-sizes 3,3 --classes 3 --images-per-rank 4 --repeat 1 --threads 1".split(
    " ",
  );

const line = (fixed: number, perImage: number) => ({ fixed, perImage });
const MODEL: StepModel = {
  exchanges: [
    { overlaps: false, bytes: 1000, at: line(0.001, 0.001) },
    { overlaps: true, bytes: 4e6, at: line(0.002, 0.004) },
    { overlaps: true, bytes: 4e6, at: line(0.003, 0.006) },
    { overlaps: false, bytes: 16, at: line(0.005, 0.006) },
  ],
  end: line(0.005, 0.006),
};
const IDEAL = { latency: 0, bandwidth: Number.POSITIVE_INFINITY };

const links = fc.record({
  latency: fc.double({ min: 0, max: 1e-2, noNaN: true }),
  bandwidth: fc.double({ min: 1e5, max: 1e12, noNaN: true }),
});
const clusters: fc.Arbitrary<Cluster> = fc.record({
  network: links,
  memory: links,
  ranksPerMachine: fc.integer({ min: 1, max: 16 }),
});
const counts = fc.integer({ min: 1, max: 2000 });
const sizes = fc.integer({ min: 1, max: 1e9 });
/** a ≤ b, up to rounding. */
const noMore = (a: number, b: number): void => expect(a).toBeLessThanOrEqual(b * (1 + 1e-12));

describe("an all-reduce", () => {
  it("takes the time of its formulas", () => {
    const link = { latency: 1e-5, bandwidth: 1e9 };
    const apart = { network: link, memory: IDEAL, ranksPerMachine: 1 };
    // Halving: 6 · 10 µs and 2 · 7/8 · 1 MB at 1 GB/s; doubling: 3 · (10 µs + 8 B at 1 GB/s).
    expect(allReduceTime(1e6, 8, apart)).toBeCloseTo(6e-5 + 1.75e-3, 12);
    expect(allReduceTime(8, 8, apart)).toBeCloseTo(3 * (1e-5 + 8e-9), 12);
    // Two machines of four ranks, which share the memory. The halves of four leave each machine at once.
    const two = { network: link, memory: { latency: 1e-6, bandwidth: 2e9 }, ranksPerMachine: 4 };
    expect(allReduceTime(1e7, 4, two)).toBeCloseTo(4e-6 + (1.5 * 1e7) / 5e8, 12);
    // The ring goes from machine to machine once: its pace is that of the memory, without the network's time on top.
    expect(allReduceTime(1e7, 8, two)).toBeCloseTo(14 * (1e-5 + 1e7 / 8 / 5e8), 12);
    // 10 kB: halving, 4 · 1 µs and 1.5 · 10 kB at 0.5 GB/s inside, 2 · 10 µs and 10 kB at 1 GB/s across.
    expect(allReduceTime(1e4, 8, two)).toBeCloseTo(4e-6 + 3e-5 + 2e-5 + 1e-5, 12);
  });

  it("takes no time alone, and longer for more bytes, more ranks, more latency and less bandwidth", () => {
    fc.assert(
      fc.property(
        sizes,
        counts,
        clusters,
        fc.double({ min: 1, max: 100, noNaN: true }),
        (bytes, ranks, cluster, by) => {
          const time = allReduceTime(bytes, ranks, cluster);
          expect(allReduceTime(bytes, 1, cluster)).toBe(0);
          noMore(time, allReduceTime(bytes * by, ranks, cluster));
          noMore(time, allReduceTime(bytes, Math.ceil(ranks * by), cluster));
          const { latency, bandwidth } = cluster.network;
          noMore(
            time,
            allReduceTime(bytes, ranks, { ...cluster, network: { latency: latency * by, bandwidth } }),
          );
          noMore(
            time,
            allReduceTime(bytes, ranks, { ...cluster, network: { latency, bandwidth: bandwidth / by } }),
          );
          expect(allReduceTime(bytes, ranks, { ...cluster, network: IDEAL, memory: IDEAL })).toBe(0);
        },
      ),
    );
  });
});

describe("a step", () => {
  it("waits for exchanges that nothing hides", () => {
    const link = { latency: 0, bandwidth: 1e9 };
    const cluster = { network: link, memory: IDEAL, ranksPerMachine: 1 };
    // Two ranks: a ring takes as many seconds as GB. Ten images: buckets at 42 and 63 ms take 4 ms each.
    const time = stepTime(MODEL, 10, 2, cluster);
    expect(time.compute).toBeCloseTo(0.065, 12);
    expect(time.exposed).toBeCloseTo(0.004 + 1e-6 + 1.6e-8, 9);
    expect(time.hidden).toBeCloseTo(0.004, 9);
    // At a tenth of the bandwidth the first is still on its way when the second is ready.
    const slow = stepTime(MODEL, 10, 2, { ...cluster, network: { latency: 0, bandwidth: 1e8 } });
    expect(slow.step).toBeCloseTo(0.042 + 0.08 + 0.002 + 1e-5, 6);
  });

  it("takes its own time and, at worst, that of all exchanges", () => {
    fc.assert(
      fc.property(counts, counts, clusters, (images, ranks, cluster) => {
        const { step, compute, hidden, exposed } = stepTime(MODEL, images, ranks, cluster);
        const total = MODEL.exchanges.reduce(
          (sum, { bytes }) => sum + allReduceTime(bytes, ranks, cluster),
          0,
        );
        expect(compute).toBe(timeAt(MODEL.end, images));
        expect(step).toBe(compute + exposed);
        noMore(exposed, total);
        expect(hidden + exposed).toBeCloseTo(total, 6);
        noMore(step, stepTime(MODEL, images, ranks + 1, cluster).step);
        expect(stepTime(MODEL, images, 1, cluster).exposed).toBe(0);
      }),
    );
  });

  it("scales perfectly over an ideal network with fixed images per rank, and loses with ever fewer", () => {
    const ideal = { network: IDEAL, memory: IDEAL, ranksPerMachine: 4 };
    for (const row of scalingRows(MODEL, "weak", 16, [1, 2, 8, 512], ideal)) {
      expect(row).toMatchObject({ speedUp: row.ranks, efficiency: 1, exposed: 0 });
    }
    const strong = scalingRows(MODEL, "strong", 64, [1, 2, 8, 64, 65], ideal);
    expect(strong.map(({ ranks, imagesPerRank }) => [ranks, imagesPerRank])).toEqual([
      [1, 64],
      [2, 32],
      [8, 8],
      [64, 1],
    ]);
    for (const [i, { efficiency }] of strong.slice(1).entries()) {
      expect(efficiency).toBeLessThan(strong[i].efficiency);
    }
    // 0.005 + 64 · 0.006 s alone, 0.005 + 0.006 s with one image.
    expect(strong[3].speedUp).toBeCloseTo(0.389 / 0.011, 9);
  });
});

describe("fits", () => {
  it("find the model that made the measurements", () => {
    const step = (images: number): MeasuredStep => ({
      images,
      exchanges: MODEL.exchanges.map((exchange) => ({ ...exchange, at: timeAt(exchange.at, images) })),
      end: timeAt(MODEL.end, images),
    });
    const steps = [4, 16, 32].map(step);
    const found = fitStep(steps);
    expect(misfit(found, steps)).toBeLessThan(1e-9);
    for (const images of [1, 7, 300]) {
      for (const [i, { at }] of found.exchanges.entries()) {
        expect(timeAt(at, images)).toBeCloseTo(timeAt(MODEL.exchanges[i].at, images), 9);
      }
      expect(timeAt(found.end, images)).toBeCloseTo(timeAt(MODEL.end, images), 9);
    }
    // One measurement alone: proportional.
    expect(fitStep([step(10)]).end).toEqual({ fixed: 0, perImage: expect.closeTo(0.0065, 12) });
    expect(() => fitStep([step(1), { images: 2, exchanges: [], end: 1 }])).toThrow(/numbers of exchanges/);
  });

  it("keep the order of exchanges whatever is measured", () => {
    const times = fc.array(fc.double({ min: 1e-6, max: 1, noNaN: true }), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(times, { minLength: 1, maxLength: 4 }), counts, (gaps, images) => {
        const steps = gaps.map((own, i): MeasuredStep => {
          const at = (count: number): number => own.slice(0, count).reduce((a, b) => a + b, 0);
          const exchanges = [1, 2, 3].map((count) => ({ overlaps: true, bytes: 1, at: at(count) }));
          return { images: 2 ** i, exchanges, end: at(4) };
        });
        const { exchanges, end } = fitStep(steps);
        const all = [...exchanges.map((exchange) => exchange.at), end].map((at) => timeAt(at, images));
        for (const [i, time] of all.slice(1).entries()) noMore(all[i], time);
      }),
    );
  });

  it("find the link that exchanges went through", () => {
    for (const ranks of [2, 3, 8]) {
      const link = { latency: 3e-5, bandwidth: 1.2e8 };
      const cluster = { network: link, memory: IDEAL, ranksPerMachine: 1 };
      const times = [8, 4096, 65536, 2 ** 20, 2 ** 23].map((bytes) => ({
        bytes,
        seconds: allReduceTime(bytes, ranks, cluster),
      }));
      const found = fitLink(times, ranks);
      // One time that has nothing to do with the others changes little.
      const disturbed = fitLink(
        times.map((time, i) => (i === 1 ? { ...time, seconds: 20 * time.seconds } : time)),
        ranks,
      );
      expect(disturbed.latency / link.latency).toBeCloseTo(1, 1);
      expect(disturbed.bandwidth / link.bandwidth).toBeCloseTo(1, 1);
      expect(found.latency / link.latency).toBeCloseTo(1, 5);
      expect(found.bandwidth / link.bandwidth).toBeCloseTo(1, 5);
    }
  });
});

it("options are rates and times with units", () => {
  expect(["10Gbit/s", "100Mbit", "1.2GB/s", "800 kB/s"].map(rate)).toEqual([1.25e9, 1.25e7, 1.2e9, 8e5]);
  expect(["20us", "0.1ms", "5 µs", "0s"].map(duration)).toEqual([2e-5, 1e-4, 5e-6, 0]);
  for (const text of ["10", "10G", "-1GB/s", "0GB/s", "1.2.3GB/s"])
    expect(() => rate(text)).toThrow(/10Gbit\/s/);
  for (const text of ["20", "1h", "-1us"]) expect(() => duration(text)).toThrow(/20us/);
});

describe("gmr scale", () => {
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [CLI, ...SMALL, ...args], { encoding: "utf8" });

  it("predicts from steps measured here", () => {
    const args = "--ranks 1,2,8 --batch-size 6 --bandwidth 1Gbit/s --latency 50us --sync-batch-norm".split(
      " ",
    );
    const { stdout, stderr, status } = run(...args, "--json");
    expect([stderr, status]).toEqual(["gmr: steps with 1, 2 and 4 images\n", 0]);
    const result = JSON.parse(stdout);
    expect(result.cluster).toMatchObject({
      network: { latency: 5e-5, bandwidth: 1.25e8 },
      ranksPerMachine: 1,
    });
    expect(result.steps.map(({ images }: { images: number }) => images)).toEqual([1, 2, 4]);
    expect(result.gradientBytes).toBeGreaterThan(1000);
    expect(result.comparison).toBeUndefined();
    expect(
      result.weak.map(({ ranks, speedUp }: { ranks: number; speedUp: number }) => [ranks, speedUp]),
    ).toEqual([
      [1, 1],
      [2, expect.any(Number)],
      [8, expect.any(Number)],
    ]);
    expect(result.strong.map(({ imagesPerRank }: { imagesPerRank: number }) => imagesPerRank)).toEqual([
      6, 3,
    ]);
    // Six normalised layers, each way, the last bucket and the loss: none of these exchanges can be hidden.
    expect(result.weak[1].exposed).toBeGreaterThan(14 * 5e-5);
  });

  it("prints tables, and refuses networks that do not exist", () => {
    const { stdout } = run();
    expect(stdout).toMatch(/weak scaling: 4 images on each rank/);
    expect(stdout).toMatch(/strong scaling: 256 images on all ranks together/);
    const { stderr, status } = run("--model", "gmr-resnet19");
    expect([stderr.split("\n")[0], status]).toEqual([expect.stringMatching(/gmr-resnet19/), 1]);
  });

  const launchers = findLaunchers();
  it.skipIf(launchers.length === 0)("compares its prediction with measured steps of two ranks", async () => {
    const [launcher] = launchers;
    const { stdout, stderr, code } = await runRanks(launcher, 2, [
      CLI,
      ...SMALL,
      "--distributed",
      "mpi",
      "--json",
    ]);
    expect([code, stderr.match(/^gmr: .*$/gm)?.length]).toEqual([0, 2]);
    const { comparison, cluster, weak } = JSON.parse(stdout);
    expect(comparison).toMatchObject({ ranks: 2, oneMachine: true, imagesPerRank: 4 });
    expect(comparison.link).toEqual(cluster.memory);
    expect(cluster.ranksPerMachine).toBe(2);
    for (const name of ["alone", "measured", "median"]) expect(comparison[name]).toBeGreaterThan(0);
    expect(comparison.predicted.step).toBeCloseTo(weak[1].step, 9);
    const off = 100 * (comparison.predicted.step / comparison.measured - 1);
    console.log(`predicted step of two ranks: ${off.toFixed(1)} % off the measured one`);
    const [first] = comparison.exchanges;
    expect(first).toMatchObject({ bytes: 8, seconds: expect.any(Number), predicted: expect.any(Number) });
  });
});
