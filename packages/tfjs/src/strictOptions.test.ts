import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { expectStrict, type StrictCase } from "../../../tooling/testing/expectStrict.ts";
import { conformanceCases } from "./conformance/index.ts";
import { checkEquivariance } from "./equivariance/index.ts";
import { cloneLayer } from "./graph/cloneLayer.ts";
import {
  adamWUpdate,
  addThenRelu,
  convertToGmr,
  cpuFallbackConfigs,
  foldModel,
  fusedBatchNormalization,
  gmrConv,
  gmrConv1d,
  gmrConv1dLayer,
  gmrConv1dTranspose,
  gmrConv2d,
  gmrConv2dLayer,
  gmrConv2dTranspose,
  gmrConv2dTransposeLayer,
  gmrConv3d,
  gmrConv3dLayer,
  gmrConv3dTranspose,
  gmrConv3dTransposeLayer,
  instanceNormalization,
  setBackendTraits,
  sgdUpdate,
  symmetricPool,
  symmetricPooling,
  tuneStrategies,
} from "./index.ts";

const kernel = { kernelSize: 3 };
const conv = { filters: 2, kernelSize: 3 };
const weights = tf.zeros<tf.Rank.R3>([2, 1, 1]);
const one = tf.ones([1]);
const row = tf.zeros<tf.Rank.R2>([5, 1]);
const image = tf.zeros<tf.Rank.R3>([5, 5, 1]);
const volume = tf.zeros<tf.Rank.R4>([5, 5, 5, 1]);
const model = (): tf.LayersModel =>
  tf.sequential({ layers: [tf.layers.conv2d({ ...conv, inputShape: [5, 5, 1] })] });

const CASES: readonly StrictCase[] = [
  ["gmrConv", (options: object) => gmrConv(2, image, weights, { ...kernel, ...options }), "dilations"],
  ["gmrConv1d", (options: object) => gmrConv1d(row, weights, { ...kernel, ...options }), "strides"],
  ["gmrConv2d", (options: object) => gmrConv2d(image, weights, { ...kernel, ...options }), "padMode"],
  ["gmrConv3d", (options: object) => gmrConv3d(volume, weights, { ...kernel, ...options }), "logSigmas"],
  ["gmrConv1dTranspose", (o: object) => gmrConv1dTranspose(row, weights, { ...kernel, ...o }), "strides"],
  [
    "gmrConv2dTranspose",
    (o: object) => gmrConv2dTranspose(image, weights, { ...kernel, ...o }),
    "outputPadding",
  ],
  ["gmrConv3dTranspose", (o: object) => gmrConv3dTranspose(volume, weights, { ...kernel, ...o }), "groups"],
  ["gmrConv1dLayer", (options: object) => gmrConv1dLayer({ ...conv, ...options }), "padding"],
  ["gmrConv2dLayer", (options: object) => gmrConv2dLayer({ ...conv, ...options }), "kernelInitializer"],
  ["gmrConv3dLayer", (options: object) => gmrConv3dLayer({ ...conv, ...options }), "inputShape"],
  ["gmrConv2dTransposeLayer", (o: object) => gmrConv2dTransposeLayer({ ...conv, ...o }), "outputPadding"],
  ["gmrConv3dTransposeLayer", (o: object) => gmrConv3dTransposeLayer({ ...conv, ...o }), "useBias"],
  ["fusedBatchNormalization", (options) => fusedBatchNormalization(options), "momentum"],
  ["instanceNormalization", (options) => instanceNormalization(options), "epsilon"],
  ["symmetricPooling", (options: object) => symmetricPooling({ strides: [2], ...options }), "pooling"],
  [
    "symmetricPool",
    (o: object) => symmetricPool(tf.input({ shape: [4, 1] }), { name: "pool", strides: [2], ...o }),
    "pooling",
  ],
  ["addThenRelu", (options) => addThenRelu(options), "trainable"],
  ["convertToGmr", (options) => convertToGmr(model(), options), "kernelInitializer"],
  ["foldModel", (options) => foldModel(model(), options), "mergeBatchNorm"],
  ["checkEquivariance", (options) => checkEquivariance(model(), options), "tolerance"],
  ["tuneStrategies", (options) => tuneStrategies(() => 0, options), "repeats"],
  ["setBackendTraits", (options) => setBackendTraits("none", options), "costModel"],
  ["cpuFallbackConfigs", (options) => cpuFallbackConfigs("none", options), "refuses"],
  ["conformanceCases", (options) => conformanceCases(options), "randomCases"],
  ["adamWUpdate", (options) => adamWUpdate(one, one, one, one, options), "weightDecay"],
  ["sgdUpdate", (options) => sgdUpdate(one, one, one, options), "momentum"],
];

describe("misspelt options are refused", () => {
  it.each(CASES)("%s", (_, call, option) => expectStrict(call, option));

  it.each<[string, string, (options: object) => unknown]>([
    ["ringInitializer", "kernelInitializer", (o) => gmrConv2dLayer({ ...conv, ...o })],
    ["ringInitializer", "kernelInitializer", (o) => convertToGmr(model(), o)],
    ["pad", "padding", (o) => gmrConv2dLayer({ ...conv, ...o })],
    ["dilations", "dilationRate", (o) => gmrConv2dLayer({ ...conv, ...o })],
    ["bias", "useBias", (o) => gmrConv2dLayer({ ...conv, ...o })],
    ["padding", "pad", (o) => gmrConv2d(image, weights, { ...kernel, ...o })],
    ["dilationRate", "dilations", (o) => gmrConv2d(image, weights, { ...kernel, ...o })],
    ["convolutions", "rings", (o) => foldModel(model(), o)],
  ])("%s is taken for %s", (name, right, call) => {
    const message = new RegExp(`^the options of \\w+ have no "${name}": did you mean ${right}\\?$`);
    expectGmrError(() => call({ [name]: "keep" }), "invalid-argument", message);
  });
});

describe("every layer", () => {
  const stock = {
    name: "layer",
    trainable: false,
    dtype: "float32",
    inputShape: [5, 5, 2] as tf.Shape,
  } as const;
  const every = {
    ...conv,
    activation: "relu",
    kernelInitializer: tf.initializers.ones(),
    kernelRegularizer: "l2",
    sigmaRegularizer: "l2",
    biasConstraint: "nonNeg",
  } as const;
  it.each<[string, () => tf.layers.Layer]>([
    ["gmrConv1dLayer", () => gmrConv1dLayer({ ...every, ...stock, inputShape: [5, 2] })],
    ["gmrConv2dLayer", () => gmrConv2dLayer({ ...every, ...stock, padMode: "reflect", trainMasks: true })],
    ["gmrConv3dLayer", () => gmrConv3dLayer({ ...every, ...stock, inputShape: [5, 5, 5, 2] })],
    ["gmrConv2dTransposeLayer", () => gmrConv2dTransposeLayer({ ...every, ...stock, outputPadding: 0 })],
    ["gmrConv3dTransposeLayer", () => gmrConv3dTransposeLayer({ ...conv, inputShape: [5, 5, 5, 2] })],
    ["fusedBatchNormalization", () => fusedBatchNormalization({ ...stock, relu: true })],
    ["instanceNormalization", () => instanceNormalization(stock)],
    ["symmetricPooling", () => symmetricPooling({ ...stock, strides: [2, 2] })],
  ])("can be copied and loaded from a saved model: %s", async (_, make) => {
    const layer = make();
    const model = tf.sequential({ layers: [layer] });
    const loaded = await tf.models.modelFromJSON({
      modelTopology: JSON.parse(model.toJSON() as string),
    } as never);
    expect(loaded.layers[0].getConfig()).toEqual(layer.getConfig());
    expect(cloneLayer(layer).getConfig()).toEqual(layer.getConfig());
  });
});
