import { addThenRelu, fusedBatchNormalization, gmrConv2dLayer } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { expectStrict, type StrictCase } from "../../../tooling/testing/expectStrict.ts";
import {
  checkGroupResNetOptions,
  GroupBatchNormalization,
  GroupConv2D,
  GroupPooling,
  groupResNet,
  registerGroupLayers,
} from "./groupConv/index.ts";
import { checkResNetOptions, DiscFieldOfView, HalvingsCheck, MatchSize, r3d, resNet, unet } from "./index.ts";
import { checkModelOptions, createModel } from "./registry.ts";
import {
  accuracy,
  diceCrossEntropy,
  diceLoss,
  diceScore,
  ExponentialMovingAverage,
  intersectionOverUnion,
  softmaxCrossEntropy,
} from "./training/index.ts";

const images = { inputShape: [8, 8, 1], classes: 2 };
const volumes = { inputShape: [8, 8, 8, 1], classes: 2 };
const group = { group: "p4" } as const;
const conv = { ...group, filters: 1, kernelSize: 3 };
const halvings = { times: 1, oddSides: "symmetric", keepOne: true } as const;
const logits = tf.zeros([1, 2, 2]);
const labels = tf.zeros([1, 2], "int32");
const variables = new Map<string, tf.Variable>();

const CASES: readonly StrictCase[] = [
  ["resNet", (options: object) => resNet({ ...images, ...options }), "kernelInitializer"],
  ["r3d", (options: object) => r3d({ ...volumes, ...options }), "widths"],
  ["unet", (options: object) => unet({ ...images, ...options }), "features"],
  ["groupResNet", (options: object) => groupResNet({ ...images, ...options }), "groupPooling"],
  ["createModel", (options: object) => createModel("gmr-unet", { ...images, ...options }), "dropout"],
  ["checkModelOptions", (o: object) => checkModelOptions("p4-resnet18", { ...images, ...o }), "widths"],
  ["checkResNetOptions", (options: object) => checkResNetOptions({ ...images, ...options }), "widths"],
  ["checkGroupResNetOptions", (o: object) => checkGroupResNetOptions({ ...images, ...o }), "widths"],
  ["GroupConv2D", (options: object) => new GroupConv2D({ ...conv, ...options }), "lifting"],
  ["GroupPooling", (options: object) => new GroupPooling({ ...group, ...options }), "pooling"],
  ["GroupBatchNormalization", (o: object) => new GroupBatchNormalization({ ...group, ...o }), "momentum"],
  ["HalvingsCheck", (options: object) => new HalvingsCheck({ ...halvings, ...options }), "keepOne"],
  ["MatchSize", (options: object) => new MatchSize({ mode: "linear", ...options }), "mode"],
  ["DiscFieldOfView", (options) => new DiscFieldOfView(options), "trainable"],
  ["softmaxCrossEntropy", (options) => softmaxCrossEntropy(logits, labels, options), "labelSmoothing"],
  ["diceLoss", (options) => diceLoss(logits, labels, options), "includeBackground"],
  ["diceCrossEntropy", (options) => diceCrossEntropy(logits, labels, options), "diceWeight"],
  ["accuracy", (options) => accuracy(logits, labels, options), "ignoreLabel"],
  ["diceScore", (options) => diceScore(logits, labels, options), "perImage"],
  ["intersectionOverUnion", (options) => intersectionOverUnion(logits, labels, options), "perImage"],
  [
    "ExponentialMovingAverage",
    (options: object) => new ExponentialMovingAverage(variables, { decay: 0.9, ...options }),
    "warmup",
  ],
];

describe("misspelt options are refused", () => {
  it.each(CASES)("%s", (_, call, option) => expectStrict(call, option));

  it.each([
    ["resNet", () => resNet({ ...images, ringInitializer: "white" } as never)],
    ["unet", () => unet({ ...images, ringInitializer: "white" } as never)],
    ["createModel", () => createModel("gmr-r3d9", { ...volumes, ringInitializer: "white" } as never)],
  ])("%s points from the former ringInitializer to kernelInitializer", (_, call) => {
    expectGmrError(call, "invalid-argument", /have no "ringInitializer": did you mean kernelInitializer\?$/);
  });
});

describe("every layer", () => {
  registerGroupLayers();
  const stock = { name: "layer", trainable: false, dtype: "float32" } as const;
  it.each<[string, tf.layers.Layer, number]>([
    ["GroupConv2D", new GroupConv2D({ ...stock, ...conv, lifting: true, seed: 1 }), 1],
    ["GroupPooling", new GroupPooling({ ...stock, ...group, pooling: "max" }), 1],
    ["GroupBatchNormalization", new GroupBatchNormalization({ ...stock, ...group, relu: true }), 1],
    ["HalvingsCheck", new HalvingsCheck({ ...stock, ...halvings }), 1],
    ["DiscFieldOfView", new DiscFieldOfView(stock), 1],
    ["MatchSize", new MatchSize({ ...stock, mode: "linear" }), 2],
    ["AddThenRelu", addThenRelu(stock), 2],
    ["FusedBatchNormalization", fusedBatchNormalization(stock), 1],
    ["GmrConv2D", gmrConv2dLayer({ ...stock, filters: 2, kernelSize: 3 }), 1],
  ])("can be loaded from a saved model: %s", async (_, layer, arity) => {
    const inputs = Array.from({ length: arity }, () => tf.input({ shape: [8, 8, 4] }));
    const outputs = layer.apply(arity === 1 ? inputs[0] : inputs) as tf.SymbolicTensor;
    const model = tf.model({ inputs, outputs });
    const topology = { modelTopology: JSON.parse(model.toJSON() as string) as unknown };
    const loaded = await tf.models.modelFromJSON(topology as never);
    expect(loaded.getLayer("layer").getConfig()).toEqual(layer.getConfig());
  });
});
