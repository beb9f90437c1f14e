import { datasetOf, type LoadedDataset } from "@gmr-conv/data";
import * as tf from "@tensorflow/tfjs";
import { describe, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { expectStrict, type StrictCase } from "../../../tooling/testing/expectStrict.ts";
import {
  batchStream,
  checkSettings,
  evaluate,
  learningRateFactor,
  Optimizer,
  predict,
  type ScheduleSettings,
  seenAs,
  train,
  trainSettings,
  type View,
  viewBatches,
} from "./index.ts";

const images = Float32Array.of(0, 1, 2, 3);
const labels = Int32Array.of(0);
const shape = [2, 2, 1];
const set = datasetOf({ name: "one", images, labels, shape: [2, 2, 1], count: 1, classNames: ["a", "b"] });
const model = tf.sequential({
  layers: [tf.layers.flatten({ inputShape: shape }), tf.layers.dense({ units: 2 })],
});
const settings = trainSettings(1);
const adam = settings.optimizer;

const CASES: readonly StrictCase[] = [
  ["train", (options: object) => train({ model, train: set, ...options }), "validation"],
  ["train's settings", (options) => train({ model, train: set, settings: options }), "epochs"],
  ["trainSettings", (options) => trainSettings(1, options), "batchSize"],
  ["trainSettings' optimizer", (optimizer) => trainSettings(1, { optimizer }), "weightDecay"],
  [
    "trainSettings' schedule",
    (o: object) => trainSettings(1, { schedule: { name: "cosine", ...o } }),
    "minimum",
  ],
  ["trainSettings' loss", (loss) => trainSettings(1, { loss }), "diceWeight"],
  ["trainSettings' augment", (augment) => trainSettings(1, { augment }), "rotate"],
  ["trainSettings' augment.blur", (blur) => trainSettings(1, { augment: { blur } }), "probability"],
  [
    "trainSettings' earlyStopping",
    (o: object) => trainSettings(1, { earlyStopping: { patience: 1, ...o } }),
    "patience",
  ],
  ["batchStream", (options: object) => batchStream(set, { ...settings, ...options }), "keepEvery"],
  ["checkSettings", (options: object) => checkSettings({ ...settings, ...options }), "keepEvery"],
  ["Optimizer", (o: object) => new Optimizer({ ...adam, ...o }, new Map(), new Set()), "nesterov"],
  ["learningRateFactor", (o: object) => learningRateFactor({ name: "constant", ...o }, 0, 1, 1), "warmup"],
  ["evaluate", (options) => evaluate(model, set, options), "rotations"],
  ["predict", (options) => predict(model, images, shape, options), "normalization"],
  ["seenAs", (options) => seenAs(images, labels, shape, { kind: "upright" }, options), "disc"],
  [
    "seenAs's view",
    (o: object) => seenAs(images, labels, shape, { kind: "turn", degrees: 90, ...o }),
    "axis",
  ],
  ["viewBatches", (options) => viewBatches(set, options).next(), "interpolation"],
  [
    "viewBatches's view",
    (o: object) => viewBatches(set, {}, 1, { kind: "flip", ...o } as View).next(),
    "direction",
  ],
];

describe("misspelt options are refused", () => {
  it.each(CASES)("%s", (_, call, option) => expectStrict(call, option));

  it("and so are settings of another schedule", () => {
    const schedule = { name: "constant", every: 3 } as ScheduleSettings;
    expectGmrError(
      () => trainSettings(1, { schedule }),
      "invalid-argument",
      'the settings of schedule "constant" have no "every": expected one of name, warmup',
    );
  });

  it("points from the former weights of a loss to those of diceCrossEntropy", () => {
    expectGmrError(
      () => trainSettings(1, { loss: { dice: 1 } as never }),
      "invalid-argument",
      'the settings of loss have no "dice": did you mean diceWeight?',
    );
  });
});

it("train takes what loadDataset returns", async () => {
  const card = { name: "one" } as LoadedDataset["card"];
  const parts = { train: set, test: set, card, damaged: [] } satisfies LoadedDataset;
  const stopped = { aborted: true };
  await expectGmrError(() => train({ model, ...parts, signal: stopped }), "interrupted", /./);
});
