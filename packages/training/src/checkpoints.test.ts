// Trainings whose storage fails or loses files: nothing is lost but the steps since the last whole checkpoint.

import { useWasm } from "@gmr-conv/backend-wasm";
import { GmrError } from "@gmr-conv/core";
import { splitDataset } from "@gmr-conv/data";
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import {
  bestName,
  checkpointAge,
  checkpointName,
  loadTrained,
  readCheckpoint,
  readWeightsFile,
  type WeightsFile,
} from "./checkpoint.ts";
import type { TrainEvent } from "./events.ts";
import type { TrainOptions } from "./settings.ts";
import { MemoryStorage } from "./storage/storage.ts";
import { classifier, discs } from "./testing/discs.ts";
import { type TrainingResult, train } from "./train.ts";

/** A checkpoint after each of 14 steps. */
const SETTINGS: TrainOptions = {
  ...{ epochs: 2, batchSize: 16, augment: { translate: 1 } },
  ...{ checkpointSeconds: 1e-9, retrySeconds: 0 },
};
const STEPS = 14;
const parts = splitDataset(discs(160, 7), { train: 0.75, validation: 0.25 });

let tensors: number;
let straight: WeightsFile;
let straightBest: WeightsFile;

beforeAll(async () => {
  await useWasm();
  const storage = new MemoryStorage();
  await trained(storage);
  straight = (await readWeightsFile(storage, checkpointName("net"))) as WeightsFile;
  straightBest = (await readWeightsFile(storage, bestName("net"))) as WeightsFile;
});
beforeEach(() => {
  tensors = tf.memory().numTensors;
});
afterEach(() => {
  vi.useRealTimers();
  expect(tf.memory().numTensors).toBe(tensors);
});

/** Trains a new network; stops after a number of checkpoints. */
async function trained(
  storage: MemoryStorage,
  more: TrainOptions = {},
  stopAfter = Number.POSITIVE_INFINITY,
  hear: (event: TrainEvent) => void = () => {},
): Promise<TrainingResult> {
  const model = classifier();
  const signal = { aborted: false };
  let left = stopAfter;
  const onEvent = (event: TrainEvent) => {
    if (event.type === "checkpoint") signal.aborted ||= --left <= 0;
    hear(event);
  };
  try {
    return await train({ model, ...parts, settings: { ...SETTINGS, ...more }, storage, onEvent, signal });
  } finally {
    model.dispose();
  }
}

/** The storage of a training that was stopped at step 6. */
async function stopped(more: TrainOptions = {}): Promise<MemoryStorage> {
  const storage = new MemoryStorage();
  await expectGmrError(() => trained(storage, more, 5), "interrupted", /stopped at step 6 of 14/);
  return storage;
}

const stepsIn = async (storage: MemoryStorage): Promise<Record<number, number | undefined>> => {
  const steps: Record<number, number | undefined> = {};
  for (const name of await storage.list()) {
    const age = checkpointAge(name, "net");
    if (age !== undefined) steps[age] = (await readWeightsFile(storage, name))?.position.step;
  }
  return steps;
};

async function expectSameEnd(storage: MemoryStorage): Promise<void> {
  const end = await readWeightsFile(storage, checkpointName("net"));
  expect(end?.position).toMatchObject({ step: STEPS, finished: "epochs" });
  expect(end?.tensors).toEqual(straight.tensors);
  expect((await readWeightsFile(storage, bestName("net")))?.tensors).toEqual(straightBest.tensors);
}

async function flipBit(storage: MemoryStorage, name: string): Promise<void> {
  const bytes = (await storage.read(name)) as Uint8Array;
  bytes[bytes.length - 5] ^= 1;
  await storage.write(name, bytes);
}

const cut = async (storage: MemoryStorage, name: string, length: number) =>
  storage.write(name, ((await storage.read(name)) as Uint8Array).subarray(0, length));

/** Fails where it is told to, as a disk would. */
class FailingStorage extends MemoryStorage {
  writes = 0;
  /** Why a write fails, by the number of the write of a checkpoint and the file's name. */
  readonly problem: (writes: number, name: string) => string | undefined;

  constructor(problem: (writes: number, name: string) => string | undefined) {
    super();
    this.problem = problem;
  }

  override async write(name: string, bytes: Uint8Array, older: readonly string[] = []): Promise<void> {
    if (checkpointAge(name) !== undefined) this.writes++;
    const problem = this.problem(this.writes, name);
    if (problem !== undefined) throw new GmrError("io", `cannot write ${name}: ${problem}`);
    return super.write(name, bytes, older);
  }
}

describe("the last checkpoints", () => {
  it("are kept, as many as asked for", async () => {
    const storage = await stopped({ keepCheckpoints: 3 });
    expect(await stepsIn(storage)).toEqual({ 0: 6, 1: 5, 2: 4 });
    await trained(storage, { keepCheckpoints: 1 });
    expect(await stepsIn(storage)).toEqual({ 0: STEPS });
    await expectSameEnd(storage);
    for (const [keepCheckpoints, message] of [
      [0, "keepCheckpoints must be a positive integer, got 0"],
      [101, "keepCheckpoints must be at most 100, got 101"],
    ] as const) {
      await expectGmrError(() => trained(storage, { keepCheckpoints }), "invalid-argument", message);
    }
    await expectGmrError(
      () => trained(storage, { retrySeconds: -1 }),
      "invalid-argument",
      /retrySeconds must/,
    );
  });

  const damages: [string, (storage: MemoryStorage) => Promise<void>, number, RegExp][] = [
    [
      "a flipped bit",
      (s) => flipBit(s, checkpointName("net")),
      5,
      /^net\.checkpoint\.saf.* is damaged: .*digest/,
    ],
    [
      "a file cut short",
      (s) => cut(s, checkpointName("net"), 900),
      5,
      /^net\.checkpoint\.safetensors in memory: /,
    ],
    [
      "an empty file",
      (s) => cut(s, checkpointName("net"), 0),
      5,
      /^net\.checkpoint\.safetensors in memory: /,
    ],
    [
      "a missing file",
      (s) => s.remove(checkpointName("net")),
      5,
      /^net\.checkpoint\.safetensors in memory is missing:/,
    ],
    [
      "two damaged ones",
      async (s) => {
        await flipBit(s, checkpointName("net"));
        await cut(s, checkpointName("net", 1), 40);
      },
      4,
      /^net\.checkpoint\.saf.* is damaged.*; net\.checkpoint-1\.safetensors in memory: /,
    ],
  ];
  it.each(damages)("make up for %s", async (_, damage, from, text) => {
    const storage = await stopped({ keepCheckpoints: 3 });
    await damage(storage);
    const told: TrainEvent[] = [];
    await expectGmrError(
      () => trained(storage, { keepCheckpoints: 3 }, 2, (event) => told.push(event)),
      "interrupted",
      RegExp(`^net stopped at step ${from + 3} of 14`),
    );
    const kept = await stepsIn(storage);
    expect(told[0]).toMatchObject({ type: "warning", text: expect.stringMatching(text) });
    expect(told[0]).toMatchObject({
      text: expect.stringMatching(
        RegExp(`training goes on from net\\.checkpoint-\\d\\.saf.*, step ${from}$`),
      ),
    });
    expect(told[1]).toMatchObject({ type: "start", step: from });
    // The damaged ones do not take the place of whole ones.
    expect(kept).toEqual({ 0: from + 3, 1: from + 2, 2: from + 1 });
    const result = await trained(storage, { keepCheckpoints: 3 });
    expect(result.warnings).toEqual([]);
    await expectSameEnd(storage);
  });

  it("are an error if all are damaged, or cannot be read for another reason", async () => {
    const storage = await stopped();
    for (const age of [0, 1]) await flipBit(storage, checkpointName("net", age));
    await expectGmrError(
      () => trained(storage),
      "invalid-data",
      /^net\.checkpoint\.saf.* is damaged: .*; net\.checkpoint-1\.saf.* is damaged: .*: no whole checkpoint of net is left; restore/,
    );
    const denied = new GmrError("io", "cannot read it: no permission", {
      cause: Object.assign(new Error("EACCES"), { code: "EACCES" }),
    });
    storage.read = () => Promise.reject(denied);
    await expectGmrError(() => readCheckpoint(storage, "net"), "io", "cannot read it: no permission");
  });

  it("are used in place of a damaged one where the caller hears of it", async () => {
    const storage = await stopped();
    const model = classifier();
    await flipBit(storage, checkpointName("net"));
    await expectGmrError(
      () => loadTrained(storage, "net", model),
      "invalid-data",
      /is damaged: .*: resume the training, which goes on from the checkpoint before it \(net\.checkpoint-1\.saf.*, of step 5\)/,
    );
    const told: string[] = [];
    const { position } = await loadTrained(storage, "net", model, "last", (text) => told.push(text));
    expect(position.step).toBe(5);
    expect(told).toEqual([expect.stringMatching(/the checkpoint before it is used \(.*step 5\); resuming/)]);
    await trained(storage);
    await cut(storage, bestName("net"), 100);
    await expectGmrError(
      () => loadTrained(storage, "net", model, "best"),
      "invalid-data",
      /: delete it to use/,
    );
    told.length = 0;
    expect((await loadTrained(storage, "net", model, "best", (text) => told.push(text))).position.step).toBe(
      14,
    );
    expect(told).toEqual([expect.stringMatching(/the last weights are used in place of the best$/)]);
    model.dispose();
  });
});

describe("the best weights", () => {
  it("are chosen anew where they are damaged", async () => {
    const storage = new MemoryStorage();
    await expectGmrError(() => trained(storage, {}, 8), "interrupted", /step 9 of/);
    await cut(storage, bestName("net"), 100);
    const { warnings, best } = await trained(storage, { select: "best" });
    expect(warnings).toEqual([
      expect.stringMatching(/^net\.best\..*: the weights of epoch 1, the best so far, are lost$/),
    ]);
    expect(best?.epoch).toBe(2);
    expect((await readWeightsFile(storage, bestName("net")))?.position.best).toEqual(best);
  });

  it("wait in memory while they cannot be written", async () => {
    const storage = new FailingStorage((writes, name) =>
      name === bestName("net") && writes < 10 ? "no space is left" : undefined,
    );
    const { warnings } = await trained(storage, { select: "best" });
    expect(warnings).toEqual([
      "cannot write net.best.safetensors: no space is left: training goes on and tries again later",
      "net.best.safetensors in memory is written again",
    ]);
    await expectSameEnd(storage);
  });
});

describe("a storage that fails", () => {
  it("ends no training on the way, and is told of once until it changes", async () => {
    const problems = new Map([
      [3, "no space is left (0.1 MB free, 2 MB needed)"],
      [4, "no space is left (12 kB free, 2 MB needed)"],
      [5, "the device failed"],
      [9, "the device failed"],
    ]);
    const storage = new FailingStorage((writes, name) =>
      checkpointAge(name) === undefined ? undefined : problems.get(writes),
    );
    const steps: number[] = [];
    const { warnings } = await trained(storage, { keepEvery: 1 }, undefined, (event) => {
      if (event.type === "checkpoint") steps.push(event.step);
    });
    const there = "training goes on and tries again later; the checkpoint of step";
    const stays = (step: number) => `${there} ${step}, net.checkpoint.safetensors in memory, is there`;
    const again = "net.checkpoint.safetensors in memory is written again";
    expect(warnings).toEqual([
      `cannot write net.checkpoint.safetensors: no space is left (0.1 MB free, 2 MB needed): ${stays(2)}`,
      `cannot write net.checkpoint.safetensors: the device failed: ${stays(2)}`,
      again,
      `cannot write net.checkpoint.safetensors: the device failed: ${stays(8)}`,
      again,
    ]);
    expect(steps).toEqual([1, 2, 6, 7, 8, 10, 11, 12, 13, 14, 14]);
    await expectSameEnd(storage);
  });

  it("at the end is tried again, and then an error that names what is there", async () => {
    const full = new FailingStorage((writes) =>
      writes >= 9 && writes < 16 ? "no space is left" : undefined,
    );
    await expectGmrError(
      () => trained(full),
      "io",
      "cannot write net.checkpoint.safetensors: no space is left; the checkpoint of step 8, " +
        "net.checkpoint.safetensors in memory, is there: training goes on from there once this is mended",
    );
    expect(await stepsIn(full)).toEqual({ 0: 8, 1: 7 });
    full.writes = 20;
    await trained(full);
    await expectSameEnd(full);

    const brief = new FailingStorage((writes) => (writes === 15 ? "no space is left" : undefined));
    const { warnings } = await trained(brief, { retrySeconds: 1.5 });
    expect(warnings[0]).toMatch(/no space is left: trying again for 1.5 seconds; the checkpoint of step 14/);
    await expectSameEnd(brief);

    const never = new FailingStorage(() => "the file system is read-only");
    await expectGmrError(() => trained(never), "io", /read-only; there is no checkpoint yet/);
    // Weights of an epoch are only told of.
    const epochs = new FailingStorage((_, name) => (name.includes("epoch") ? "no space is left" : undefined));
    expect((await trained(epochs, { keepEvery: 2 })).warnings).toEqual([
      "cannot write net.epoch-0002.safetensors: no space is left: the weights of epoch 2 are not kept",
    ]);
  });

  it("does not wait for the end of its time where training is to stop", async () => {
    const signal = { aborted: false };
    const model = classifier();
    const started = performance.now();
    await expectGmrError(
      () =>
        train({
          model,
          ...parts,
          settings: { ...SETTINGS, retrySeconds: 60 },
          storage: new FailingStorage((writes) => (writes >= 14 ? "no space is left" : undefined)),
          signal,
          onEvent: ({ type }) => {
            if (type === "warning") signal.aborted = true;
          },
        }),
      "io",
      /the checkpoint of step 13/,
    );
    expect(performance.now() - started).toBeLessThan(20_000);
    model.dispose();
  });
});

it("does not look at the clock of the wall", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  let jumps = 0;
  const jump = () => vi.setSystemTime(jumps++ % 2 === 0 ? "1970-01-02" : "2100-01-01");
  jump();
  const storage = new MemoryStorage();
  const events: TrainEvent[] = [];
  const result = await trained(
    storage,
    { checkpointSeconds: 3600, refreshNorms: true },
    undefined,
    (event) => {
      jump();
      events.push(event);
    },
  );
  expect(jumps).toBeGreaterThan(4);
  expect(events.filter(({ type }) => type === "checkpoint")).toHaveLength(1); // the last one
  expect(result.seconds).toBeGreaterThan(0);
  expect(result.seconds).toBeLessThan(600);
  expect(result.last?.imagesPerSecond).toBeGreaterThan(0);
  await expectSameEnd(storage);
});
