// Trainings of several processes, against the same by one.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { findLaunchers, type Launcher, runRanks } from "../../../../tooling/testing/mpi.ts";
import type { TrainOptions } from "../settings.ts";

interface Job {
  settings: TrainOptions;
  storage?: string;
  stopAt?: { rank: number; step: number };
  evaluation?: object;
  count?: number;
  timeout?: number;
}

const program = fileURLToPath(new URL("../../testing/ranks.mjs", import.meta.url));
const [launcher] = findLaunchers();

function alone(job: Job) {
  const { stdout, stderr, status } = spawnSync(process.execPath, [program, JSON.stringify(job)], {
    encoding: "utf8",
  });
  expect([stderr, status]).toEqual(["", 0]);
  return JSON.parse(stdout);
}

async function together(ranks: number, job: Job) {
  const { stdout, stderr, code } = await runRanks(launcher as Launcher, ranks, [
    program,
    JSON.stringify(job),
  ]);
  expect([stderr, code]).toEqual(["", 0]);
  const found = JSON.parse(stdout);
  expect(found.alike).toBe(true); // the weights of all ranks, bit by bit
  return found;
}

type Weights = Record<string, number[]>;

/** The largest difference of a weight tensor, relative to its size. */
function difference(actual: Weights, expected: Weights): number {
  const norm = (values: number[]): number => Math.hypot(...values);
  const all = Object.entries(expected).map(([name, values]) => {
    const own = norm(values.map((value, i) => value - actual[name][i]));
    return own === 0 ? 0 : own / norm(values);
  });
  return Math.max(...all);
}

const trained = (weights: Weights): Weights =>
  Object.fromEntries(Object.entries(weights).filter(([name]) => !name.includes("moving_")));

const WHOLE: TrainOptions = { epochs: 9, batchSize: 16, syncBatchNorm: true };

describe.skipIf(!launcher)("a training of several processes", () => {
  const whole = alone({ settings: WHOLE });

  it.each([2, 3])(
    "of %i ends with the weights and figures of one, batches normalised as a whole",
    async (ranks) => {
      const found = await together(ranks, { settings: WHOLE });
      expect(found.result.steps).toBe(54);
      expect(difference(found.weights, whole.weights)).toBeLessThan(1e-5);
      expect(found.events.map(({ step }: { step: number }) => step)).toEqual(
        whole.events.map(({ step }: { step: number }) => step),
      );
      found.events.forEach((event: { loss: number }, i: number) => {
        expect(event.loss).toBeCloseTo(whole.events[i].loss, 4);
      });
      expect(found.evaluation).toMatchObject({
        uprightImages: 96,
        upright: { count: 96, loss: expect.closeTo(whole.evaluation.upright.loss, 4) },
      });
      expect(found.tensors).toBe(whole.tensors);
    },
  );

  it("without that, ends with the weights of one that computes its batches in as many parts", async () => {
    const settings: TrainOptions = {
      epochs: 2,
      batchSize: 16,
      clipNorm: 0.5,
      ema: 0.9,
      augment: { mixup: 0.3 },
    };
    const parts = alone({ settings: { ...settings, accumulate: 2 } });
    const found = await together(2, { settings });
    expect(difference(trained(found.weights), trained(parts.weights))).toBeLessThan(1e-5);
  });

  it("accumulates, and computes stages twice, as one process does", async () => {
    const settings: TrainOptions = { epochs: 1, batchSize: 16, accumulate: 2, checkpointStages: true };
    const parts = alone({ settings: { ...settings, accumulate: 4 } });
    const found = await together(2, { settings });
    expect(difference(trained(found.weights), trained(parts.weights))).toBeLessThan(1e-5);
  });

  it("stops when one rank is asked to, and another number of ranks goes on as if nothing had happened", async () => {
    const storage = mkdtempSync(path.join(os.tmpdir(), "gmr-ranks-"));
    const stopped = await together(2, { settings: WHOLE, storage, stopAt: { rank: 1, step: 20 } });
    expect(stopped.interrupted).toMatch(/^net stopped at step 2\d of 54; checkpoint: /);
    expect(readdirSync(storage)).toContain("net.checkpoint.safetensors");
    const resumed = await together(3, { settings: WHOLE, storage });
    expect(resumed.result.steps).toBe(54);
    expect(difference(resumed.weights, whole.weights)).toBeLessThan(1e-5);
    // Trained to the end: one process reads the same weights, and finds what three found together.
    const read = alone({ settings: WHOLE, storage });
    expect(read.weights).toEqual(resumed.weights);
    for (const [i, { score, metrics }] of resumed.evaluation.angles.entries()) {
      expect(score).toBe(read.evaluation.angles[i].score);
      expect(metrics.loss).toBeCloseTo(read.evaluation.angles[i].metrics.loss, 5);
    }
    expect(resumed.evaluation.mistakes.map(({ index }: { index: number }) => index)).toEqual(
      read.evaluation.mistakes.map(({ index }: { index: number }) => index),
    );
  });

  it("validates with more ranks than images", async () => {
    const job: Job = { settings: { epochs: 1, batchSize: 3 }, count: 3 };
    expect((await together(3, job)).evaluation.upright.count).toBe(3);
  });
});
