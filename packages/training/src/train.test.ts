import { useWasm } from "@gmr-conv/backend-wasm";
import { type Dataset, pick, splitDataset } from "@gmr-conv/data";
import { singleProcess } from "@gmr-conv/distributed";
import { readSafetensors } from "@gmr-conv/io";
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { bestName, checkpointName, loadTrained } from "./checkpoint.ts";
import { evaluate } from "./evaluate.ts";
import type { TrainEvent } from "./events.ts";
import type { TrainOptions } from "./settings.ts";
import { MemoryStorage, type Storage } from "./storage/storage.ts";
import { classifier, discs, segmenter } from "./testing/discs.ts";
import { type TrainingInput, type TrainingResult, train } from "./train.ts";

const SETTINGS: TrainOptions = { epochs: 3, batchSize: 16, augment: { translate: 1 } };
const parts = splitDataset(discs(160, 7), { train: 0.75, validation: 0.25 });

let tensors: number;
beforeAll(async () => {
  await useWasm();
});
beforeEach(() => {
  tensors = tf.memory().numTensors;
});
afterEach(() => {
  expect(tf.memory().numTensors).toBe(tensors);
});

/** Trains a new network, and frees it. */
async function trained(
  settings: TrainOptions = SETTINGS,
  more: Partial<TrainingInput> = {},
): Promise<TrainingResult> {
  const model = more.model ?? classifier();
  try {
    return await train({ model, ...parts, settings, ...more });
  } finally {
    model.dispose();
  }
}

/** The tensors of a file that a training left. */
async function saved(storage: Storage, file = checkpointName("net")) {
  return readSafetensors((await storage.read(file)) ?? new Uint8Array(0));
}

/** A signal that asks to stop after a number of progress events or validations. */
function stopAfter(events: number) {
  const signal = { aborted: false };
  let left = events;
  const onEvent = ({ type }: TrainEvent) => {
    if (["progress", "validation", "checkpoint"].includes(type)) signal.aborted ||= --left <= 0;
  };
  return { signal, onEvent };
}

describe("train", () => {
  it("learns, reports events, and ends with the weights it reports", async () => {
    const events: TrainEvent[] = [];
    const storage = new MemoryStorage();
    const model = classifier();
    const result = await train({
      model,
      ...parts,
      settings: { ...SETTINGS, epochs: 12, refreshNorms: true },
      storage,
      onEvent: (event) => {
        events.push(event);
      },
    });
    expect(result).toMatchObject({ steps: 84, reason: "epochs", warnings: [] });
    const validation = result.validation as { accuracy: number };
    expect(validation.accuracy).toBeGreaterThan(0.9);
    expect((await evaluate(model, parts.validation)).upright.score).toBe(validation.accuracy);
    const kinds = events.map(({ type }) => type);
    expect([kinds[0], kinds.at(-1)]).toEqual(["start", "end"]);
    const validations = events.filter((event) => event.type === "validation");
    expect(validations.map(({ epochs }) => epochs)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    expect(validations.at(-1)?.score).toBe(validation.accuracy);
    expect(result.best?.score).toBe(Math.max(...validations.map(({ score }) => score)));
    const lines = events.filter((event) => event.type === "progress");
    expect(lines.map(({ step }) => step)).toEqual([20, 40, 60, 80, 84]);
    expect(lines[3].loss).toBeLessThan(lines[0].loss);

    const again = classifier(9);
    const { position } = await loadTrained(storage, "net", again);
    expect(position).toMatchObject({ step: 84, finished: "epochs" });
    expect((await evaluate(again, parts.validation)).upright.score).toBe(validation.accuracy);
    model.dispose();
    again.dispose();
  });

  const variants: [string, TrainOptions, number][] = [
    ["by default", {}, 2],
    ["between epochs, with mixing and erasing", { augment: { mixup: 0.4, erase: {}, blur: {} } }, 3],
    ["with averages and smaller gradients", { ema: 0.9, clipNorm: 0.5 }, 1],
    ["in parts", { accumulate: 4 }, 2],
    ["with stages computed twice", { checkpointStages: true }, 2],
    [
      "with balanced draws and weights, smoothed labels",
      { sampling: "balanced", loss: { classWeights: "balanced", labelSmoothing: 0.1 } },
      2,
    ],
    [
      "with plain SGD in steps",
      { optimizer: { name: "sgd", nesterov: false }, schedule: { name: "step", every: 1, factor: 0.5 } },
      2,
    ],
    ["with Adadelta in one cycle", { optimizer: { name: "adadelta" }, schedule: { name: "onecycle" } }, 1],
    ["with early stopping", { earlyStopping: { patience: 2 } }, 3],
    ["after its last step", {}, 4],
  ];
  it.each(variants)("stops and continues to exactly the same weights: %s", async (_, more, after) => {
    const settings = { ...SETTINGS, ...more };
    const [straight, stopped] = [new MemoryStorage(), new MemoryStorage()];
    await trained(settings, { storage: straight });
    await expectGmrError(
      () => trained(settings, { storage: stopped, ...stopAfter(after) }),
      "interrupted",
      /^net stopped at step \d+ of 21; checkpoint: net\.checkpoint/,
    );
    // The network's own start does not matter.
    const result = await trained(settings, { storage: stopped, model: classifier(99) });
    expect(result.steps).toBe(21);
    const [a, b] = [await saved(straight), await saved(stopped)];
    expect(b.tensors).toEqual(a.tensors);
    const { seconds: s1, ...first } = JSON.parse(a.metadata.position);
    const { seconds: s2, ...second } = JSON.parse(b.metadata.position);
    expect(second).toEqual(first);
    expect([s1, s2].every((seconds) => seconds > 0)).toBe(true);
    expect((await saved(stopped, bestName("net"))).tensors).toEqual(
      (await saved(straight, bestName("net"))).tensors,
    );
  });

  it("keeps the number of tensors from step to step", async () => {
    const counts: number[] = [];
    const onEvent = ({ type }: TrainEvent) => {
      if (type === "progress") counts.push(tf.memory().numTensors);
    };
    await trained({ ...SETTINGS, epochs: 12, ema: 0.9, accumulate: 2, clipNorm: 1 }, { onEvent });
    expect(counts).toHaveLength(5);
    expect(new Set(counts).size).toBe(1);
  });

  it("averages the gradients of parts", async () => {
    // Without batch statistics, parts are the whole: one step from the same start.
    const steps = async (accumulate: number) => {
      const model = tf.sequential({
        layers: [
          tf.layers.flatten({ inputShape: [12, 12, 1] }),
          tf.layers.dense({ units: 3, kernelInitializer: tf.initializers.zeros() }),
        ],
      });
      await train({
        model,
        train: parts.train,
        settings: { ...SETTINGS, epochs: 1, accumulate, optimizer: { name: "sgd" }, refreshNorms: false },
      });
      const weights = Array.from(model.getWeights()[0].dataSync());
      model.dispose();
      return weights;
    };
    const [whole, halves] = [await steps(1), await steps(2)];
    halves.forEach((value, i) => {
      expect(value).toBeCloseTo(whole[i], 6);
    });
  });

  it("ends with the best weights where it stops early", async () => {
    const storage = new MemoryStorage();
    const scores: number[] = [];
    const model = classifier();
    const result = await train({
      model,
      ...parts,
      settings: { ...SETTINGS, epochs: 40, earlyStopping: { patience: 3 } },
      storage,
      onEvent: (event) => {
        if (event.type === "validation") scores.push(event.score);
      },
    });
    expect(result.reason).toBe("early");
    const best = Math.max(...scores);
    expect(scores.lastIndexOf(best)).toBeGreaterThanOrEqual(scores.length - 4);
    expect(scores.length).toBeLessThan(40);
    expect(result.validation).toMatchObject({ accuracy: best });
    expect((await evaluate(model, parts.validation)).upright.score).toBe(best);
    // Once it has ended it stays so.
    const again = await train({
      model,
      ...parts,
      settings: { ...SETTINGS, epochs: 40, earlyStopping: { patience: 3 } },
      storage,
    });
    expect([again.steps, again.reason]).toEqual([result.steps, "early"]);
    model.dispose();
  });

  it("gives a finished training more epochs", async () => {
    const storage = new MemoryStorage();
    expect((await trained(SETTINGS, { storage })).steps).toBe(21);
    expect((await trained(SETTINGS, { storage })).steps).toBe(21);
    expect((await trained({ ...SETTINGS, epochs: 4 }, { storage })).steps).toBe(28);
  });

  it("keeps the weights every few epochs", async () => {
    const storage = new MemoryStorage();
    await trained({ ...SETTINGS, epochs: 4, keepEvery: 2 }, { storage });
    expect((await storage.list()).sort()).toEqual([
      "net.best.safetensors",
      "net.checkpoint.safetensors",
      "net.epoch-0002.safetensors",
      "net.epoch-0004.safetensors",
    ]);
  });

  it("does without validation images", async () => {
    const result = await trained(SETTINGS, { validation: undefined });
    expect([result.best, result.validation]).toEqual([undefined, undefined]);
  });

  it("validates where it is asked to, on as many images", async () => {
    const seen: [number, number][] = [];
    await trained(
      { ...SETTINGS, epochs: 5, validateEvery: 2, validationLimit: 10 },
      {
        onEvent: (event) => {
          if (event.type === "validation") seen.push([event.epochs, event.metrics.count]);
        },
      },
    );
    expect(seen).toEqual([
      [2, 10],
      [4, 10],
      [5, 10],
    ]);
  });

  it("warns of a network that has learned nothing", async () => {
    const warned: string[] = [];
    const { warnings } = await trained(
      { ...SETTINGS, epochs: 1, optimizer: { name: "sgd", learningRate: 1e-9 } },
      {
        onEvent: (event) => {
          if (event.type === "warning") warned.push(event.text);
        },
      },
    );
    expect(warnings).toEqual(warned);
    expect(warned).toEqual([
      expect.stringMatching(
        /^net reads its own training images at [\d.]+ %, hardly better than guessing \(3\d\.\d %\): it has learned/,
      ),
    ]);
  });

  it("segments", async () => {
    const masks = splitDataset(discs(60, 3, "segmentation"), { train: 0.8, validation: 0.2 });
    const model = segmenter();
    const result = await train({ model, ...masks, settings: { epochs: 12, batchSize: 8 } });
    expect(result.validation).toMatchObject({ count: 12 });
    expect((result.validation as { dice: number }).dice).toBeGreaterThan(0.9);
    const evaluation = await evaluate(model, masks.validation, { rotations: 90, flips: true });
    expect(evaluation.score).toBe("Dice");
    for (const { score, consistency } of [...evaluation.angles, ...evaluation.flips]) {
      expect(consistency).toBe(1);
      expect(score).toBeCloseTo(evaluation.upright.score, 9);
    }
    model.dispose();
  });

  const other = (change: Partial<Dataset>): Dataset => ({ ...parts.train, ...change });
  const bad: [string, TrainOptions, Partial<TrainingInput>, string, string][] = [
    [
      "images of another size",
      {},
      { train: other({ shape: [10, 10, 1] }) },
      "invalid-shape",
      "network net takes [12,12,1], the images of discs train are [10,10,1]: " +
        "load images of its size and channels, or make the network with inputShape [10,10,1]",
    ],
    [
      "another number of classes",
      {},
      { train: other({ classNames: ["a", "b"] }) },
      "invalid-shape",
      "network net has 3 classes, discs train has 2",
    ],
    [
      "masks for a classifier",
      {},
      { train: other({ task: "segmentation" }) },
      "invalid-shape",
      "network net gives one class for each image, discs train has masks",
    ],
    [
      "weights of other classes",
      { loss: { classWeights: [1, 2] } },
      {},
      "invalid-argument",
      "loss.classWeights: 2 weights, discs train has 3 classes",
    ],
    [
      "an invalid expression",
      { optimizer: { exclude: ["("] } },
      {},
      "invalid-argument",
      'optimizer.exclude: "(" is not a regular expression',
    ],
    [
      "an unknown augmentation",
      { augment: { rotat: 1 } as object },
      {},
      "invalid-argument",
      "did you mean rotate?",
    ],
    [
      "a normalisation of other channels",
      { normalization: { mean: [0, 0, 0], std: [1, 1, 1] } },
      {},
      "invalid-argument",
      "normalization has 3 means and 3 deviations, the images have 1 channels",
    ],
    [
      "a learning rate that is far too large",
      { optimizer: { name: "sgd", learningRate: 1e30 } },
      {},
      "invalid-data",
      "try a smaller learning rate than 1e+30",
    ],
  ];
  it.each(bad)("refuses %s", async (_, settings, input, code, message) => {
    await expect(trained({ ...SETTINGS, ...settings }, input)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });

  it("refuses batches that ranks cannot compute in equal parts", async () => {
    const communicator = { ...singleProcess(), size: 3 };
    const settings = { ...SETTINGS, batchSize: 16, accumulate: 2 };
    await expectGmrError(
      () => trained(settings, { communicator }),
      "invalid-argument",
      "batchSize 16 on 3 ranks with accumulate 2, expected a multiple of 6, so that all parts are equal",
    );
    await expectGmrError(
      () => trained({ ...SETTINGS, batchSize: 2 }, { communicator }),
      "invalid-argument",
      "batchSize 2 for 3 parts, expected at least one image for each",
    );
  });

  it("refuses to continue with other images, another network, or a damaged file", async () => {
    const storage = new MemoryStorage();
    await trained(SETTINGS, { storage });
    const more = { ...SETTINGS, epochs: 4 };
    const fewer = pick(
      parts.train,
      Array.from({ length: 100 }, (_, i) => i),
    );
    await expectGmrError(
      () => trained(more, { storage, train: fewer }),
      "invalid-data",
      /^the images of discs train are not those that net was trained on so far/,
    );
    await expectGmrError(
      () => trained({ ...more, optimizer: { name: "sgd" }, ema: 0.9 }, { storage }),
      "invalid-data",
      /tensor average\/.* is missing/,
    );
    const bytes = (await storage.read(checkpointName("net"))) as Uint8Array;
    bytes[bytes.length - 5] ^= 1;
    await storage.write(checkpointName("net"), bytes);
    await expectGmrError(
      () => trained(more, { storage }),
      "invalid-data",
      /^net\.checkpoint\.safetensors in memory is damaged/,
    );
    await storage.write(checkpointName("net"), bytes.subarray(0, 300));
    await expectGmrError(() => trained(more, { storage }), "invalid-data", /net\.checkpoint\.safetensors/);
    const empty = classifier();
    await expectGmrError(
      () => loadTrained(new MemoryStorage(), "net", empty),
      "io",
      'network "net" has no checkpoint (net.checkpoint.safetensors in memory): train it first',
    );
    empty.dispose();
  });
});
