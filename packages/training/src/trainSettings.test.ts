import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TrainOptions } from "./settings.ts";
import { trainSettings } from "./trainSettings.ts";

describe("trainSettings", () => {
  it("have a default for everything, small batches and more epochs for small sets", () => {
    const small = trainSettings(300);
    expect([small.batchSize, small.epochs]).toEqual([16, 34]);
    const large = trainSettings(60_000);
    expect([large.batchSize, large.epochs]).toEqual([64, 3]);
    expect(large.optimizer).toMatchObject({ name: "adamw", learningRate: 0.005 });
    expect(trainSettings(300, { optimizer: { name: "sgd" } }).optimizer.learningRate).toBe(0.05);
    expect(trainSettings(300, { earlyStopping: { patience: 3 } }).select).toBe("best");
    expect(trainSettings(300, { augment: { rotate: 15 } }).augment).toMatchObject({
      rotate: 15,
      translate: 3,
    });
  });

  it("fit any number of images", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e7 }), (images) => {
        const { batchSize, epochs } = trainSettings(images);
        expect(batchSize).toBeLessThanOrEqual(images);
        expect(epochs).toBeGreaterThan(0);
      }),
    );
  });

  it.each<[TrainOptions, string]>([
    [{ epochs: 0 }, "epochs must be a positive integer, got 0"],
    [{ batchSize: 2.5 }, "batchSize must be a positive integer, got 2.5"],
    [{ batchSize: 8, accumulate: 3 }, "accumulate (3) must divide the batch size, 8"],
    [{ seed: 0.5 }, "seed must be an integer, got 0.5"],
    [{ optimizer: { learningRate: 0 } }, "optimizer.learningRate must be positive, got 0"],
    [{ optimizer: { learningRate: Number.NaN } }, "optimizer.learningRate"],
    [{ optimizer: { weightDecay: -1 } }, "optimizer.weightDecay must be at least 0, got -1"],
    [{ optimizer: { momentum: 1 } }, "optimizer.momentum must lie in [0, 1), got 1"],
    [{ optimizer: { name: "lion" as "sgd" } }, 'optimizer.name must be one of "adamw", "adam"'],
    [{ schedule: { name: "step", every: 0, factor: 0.1 } }, "schedule.every must be a positive integer"],
    [
      { schedule: { name: "multistep", at: [1.5], factor: 0.1 } },
      "schedule.at[0] must be a positive integer",
    ],
    [{ schedule: { name: "cosine", warmup: 2 } }, "schedule.warmup must lie in [0, 1), got 2"],
    [{ loss: { labelSmoothing: 1 } }, "loss.labelSmoothing must lie in [0, 1), got 1"],
    [{ clipNorm: 0 }, "clipNorm must be positive, got 0"],
    [{ ema: 1 }, "ema must lie in [0, 1), got 1"],
    [{ earlyStopping: { patience: 0 } }, "earlyStopping.patience must be a positive integer"],
    [{ select: "first" as "last" }, 'select must be "best" or "last"'],
    [{ epoch: 3 } as TrainOptions, 'the settings of a training have no "epoch": did you mean epochs?'],
    [{ optimizer: { lr: 0.1 } as object }, 'settings of optimizer have no "lr": did you mean learningRate?'],
    [
      { schedule: { name: "cosine", warm: 0.1 } as never },
      'the settings of schedule "cosine" have no "warm": did you mean warmup?',
    ],
  ])("refuse %j", (options, message) => {
    expect(() => trainSettings(100, options)).toThrow(message);
  });
});
