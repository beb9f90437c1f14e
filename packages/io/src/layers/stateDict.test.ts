import { readFileSync } from "node:fs";
import { product, ringMasks } from "@gmr-conv/core";
import {
  fusedBatchNormalization,
  GmrConv,
  gmrConv1dLayer,
  gmrConv2dLayer,
  gmrConv2dTransposeLayer,
  gmrConv3dLayer,
} from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import type { StoredTensor } from "../storedTensor.ts";
import { readTorch } from "../torch/index.ts";
import { loadStateDict, stateDictOf } from "./index.ts";

beforeAll(() => tf.setBackend("cpu"));
beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

/** A sequential model with random numbers in all weights. */
function modelOf(inputShape: number[], ...layers: tf.layers.Layer[]): tf.Sequential {
  const model = tf.sequential({ layers: [tf.layers.inputLayer({ inputShape }), ...layers] });
  model.setWeights(model.weights.map(({ shape }) => tf.randomUniform(shape as number[], 0.5, 1.5)));
  return model;
}

const official = readTorch(
  readFileSync(new URL("../../../../tooling/fixtures/official/gmr_resnet18_w8.weights.pth", import.meta.url)),
).tensors;

/** Element [i, j, …] of a tensor. */
function at({ shape, data }: StoredTensor, ...position: number[]): number {
  return Number(data[position.reduce((sum, index, axis) => sum * shape[axis] + index, 0)]);
}

describe("layouts", () => {
  const conv = { filters: 4, kernelSize: 3, name: "l" };
  // Per layer: its inputs, PyTorch's shape of the weight, and how a position in it maps to one here.
  type Turn = (position: number[]) => number[];
  const turn: Turn = ([b, a, ...spatial]) => [...spatial, a, b];
  it.each<[string, tf.layers.Layer, number[], number[], Turn]>([
    ["GmrConv1D", gmrConv1dLayer({ ...conv, kernelSize: 5 }), [9, 2], [4, 2, 3], turn],
    ["GmrConv2D, two groups", gmrConv2dLayer({ ...conv, groups: 2 }), [9, 8, 6], [4, 3, 2], turn],
    ["GmrConv3D", gmrConv3dLayer({ ...conv, kernelSize: [3, 5, 5] }), [5, 5, 5, 2], [4, 2, 2], turn],
    ["GmrConv2DTranspose", gmrConv2dTransposeLayer({ ...conv, kernelSize: 5 }), [5, 5, 2], [2, 4, 3], turn],
    ["conv1d", tf.layers.conv1d(conv), [9, 2], [4, 2, 3], turn],
    ["conv2d", tf.layers.conv2d({ ...conv, kernelSize: [3, 5] }), [9, 8, 2], [4, 2, 3, 5], turn],
    ["conv3d", tf.layers.conv3d({ ...conv, kernelSize: [1, 2, 3] }), [5, 5, 5, 2], [4, 2, 1, 2, 3], turn],
    ["conv2dTranspose", tf.layers.conv2dTranspose(conv), [5, 5, 2], [2, 4, 3, 3], turn],
    ["dense", tf.layers.dense({ units: 5, name: "l" }), [3], [5, 3], turn],
    [
      "depthwiseConv2d",
      tf.layers.depthwiseConv2d({ kernelSize: [2, 3], depthMultiplier: 2, name: "l" }),
      [5, 5, 3],
      [6, 1, 2, 3],
      ([b, , ...spatial]) => [...spatial, Math.floor(b / 2), b % 2],
    ],
  ])("%s", async (_, layer, inputShape, shape, here) => {
    const state = await stateDictOf(modelOf(inputShape, layer));
    const kernel = layer instanceof GmrConv ? layer.readRings() : layer.getWeights()[0];
    const weight = state.get("l.weight") as StoredTensor;
    expect(weight.shape).toEqual(shape);
    const own = { shape: kernel.shape, data: Float32Array.from(kernel.dataSync()) };
    for (let index = 0; index < own.data.length; index++) {
      const position: number[] = [];
      for (let axis = shape.length - 1, rest = index; axis >= 0; axis--) {
        position[axis] = rest % shape[axis];
        rest = Math.floor(rest / shape[axis]);
      }
      expect(at(weight, ...position)).toBe(at(own, ...here(position)));
    }
    const bias = layer.getWeights().at(-1);
    expect(state.get("l.bias")?.data).toEqual(bias?.dataSync());
  });

  it("a dense layer on a flattened map: PyTorch flattens channels first", async () => {
    const dense = tf.layers.dense({ units: 3, name: "fc" });
    const model = modelOf([4, 5, 2], tf.layers.flatten(), tf.layers.dropout({ rate: 0.5 }), dense);
    const weight = (await stateDictOf(model)).get("fc.weight") as StoredTensor;
    expect(weight.shape).toEqual([3, 40]);
    const kernel = dense.getWeights()[0].arraySync() as number[][];
    for (let y = 0; y < 4; y++) {
      for (let x = 0; x < 5; x++) {
        for (let c = 0; c < 2; c++)
          expect(at(weight, 1, (c * 4 + y) * 5 + x)).toBe(kernel[(y * 5 + x) * 2 + c][1]);
      }
    }
  });

  it.each<[string, tf.layers.Layer[]]>([
    ["global pooling", [tf.layers.globalAveragePooling2d({ dataFormat: "channelsLast" })]],
    ["a flattened map of one position", [tf.layers.maxPooling2d({ poolSize: [4, 5] }), tf.layers.flatten()]],
    ["another dense layer", [tf.layers.flatten(), tf.layers.dense({ units: 40 })]],
  ])("a dense layer after %s is only transposed", async (_, layers) => {
    const dense = tf.layers.dense({ units: 3, name: "fc" });
    const model = modelOf([4, 5, 2], ...layers, dense);
    const weight = (await stateDictOf(model)).get("fc.weight") as StoredTensor;
    expect(weight.data).toEqual(dense.getWeights()[0].transpose().dataSync());
  });
});

describe("the official package", () => {
  const keys = [...official.keys()].filter((key) => /^(conv1|bn1|layer1\.0\.(conv1|bn1))\./.test(key));
  const part = new Map(keys.map((key) => [key, official.get(key) as StoredTensor]));
  part.set("bn1.num_batches_tracked", { shape: [], data: BigInt64Array.of(42n) });
  const network = () =>
    modelOf(
      [12, 12, 3],
      gmrConv2dLayer({ filters: 8, kernelSize: 5, ringBasis: "rings", useBias: false, name: "conv1" }),
      fusedBatchNormalization({ name: "bn1" }),
      gmrConv2dLayer({
        filters: 8,
        kernelSize: 9,
        ringBasis: "rings",
        useBias: false,
        padding: "same",
        name: "layer1.0.conv1",
      }),
      tf.layers.batchNormalization({ name: "layer1.0.bn1" }),
    );

  it("has exactly the tensors that a loaded model returns", async () => {
    const model = network();
    const report = loadStateDict(model, part);
    expect(report).toMatchObject({ missing: [], unexpected: [] });
    expect(report.loaded).toHaveLength(12);
    const state = await stateDictOf(model);
    expect(Object.fromEntries(state)).toEqual(Object.fromEntries(part));
    const fresh = await stateDictOf(network());
    expect(fresh.get("bn1.num_batches_tracked")).toEqual({ shape: [], data: BigInt64Array.of(0n) });
  });

  it("may omit what follows from the options", () => {
    const weights = [...part].filter(([key]) => !/mat$|mus$|tracked$/.test(key));
    expect(loadStateDict(network(), new Map(weights)).loaded).toHaveLength(12);
  });

  it("must have the same rings", () => {
    const other = modelOf(
      [12, 12, 3],
      gmrConv2dLayer({
        filters: 8,
        kernelSize: 5,
        numRings: 3,
        circular: false,
        useBias: false,
        name: "conv1",
      }),
    );
    const conv1 = [...part].filter(([key]) => key.startsWith("conv1."));
    return expectGmrError(
      () => loadStateDict(other, new Map(conv1)),
      "invalid-data",
      "tensor conv1.default_weight_index_mat is not that of the layer: it has other rings, or trained masks",
    );
  });
});

describe("GMR convolutions", () => {
  const args = { filters: 2, kernelSize: 5, name: "l" };
  const state = (layer: GmrConv) => stateDictOf(modelOf([7, 7, 1], layer));

  it("keep the masks of the partition, and mus with a mixture", async () => {
    const layer = gmrConv2dLayer(args);
    const tensors = await state(layer);
    expect([...tensors].map(([key, { shape }]) => [key, shape])).toEqual([
      ["l.weight", [2, 1, 3]],
      ["l.log_sigmas", [3]],
      ["l.bias", [2]],
      ["l.default_weight_index_mat", [1, 1, 3, 25]],
      ["l.weight_index_mat", [1, 1, 3, 25]],
      ["l.mus", [3]],
    ]);
    expect(tensors.get("l.weight_index_mat")?.data).toEqual(Float32Array.from(ringMasks(layer.partition)));
    expect(tensors.get("l.mus")?.data).toEqual(BigInt64Array.of(0n, 1n, 2n));
  });

  it("have no mus without one", async () => {
    expect([...(await state(gmrConv2dLayer({ ...args, mixture: false, useBias: false }))).keys()]).toEqual([
      "l.weight",
      "l.default_weight_index_mat",
      "l.weight_index_mat",
    ]);
  });

  it("have their trained masks next to those of the partition", async () => {
    const layer = gmrConv2dLayer({ ...args, trainMasks: true });
    const tensors = await state(layer);
    const masks = layer.weights.find(({ originalName }) => originalName.endsWith("ring_masks"));
    expect(tensors.get("l.weight_index_mat")).toEqual({
      shape: [1, 1, 3, 25],
      data: masks?.read().dataSync(),
    });
    const defaults = tensors.get("l.default_weight_index_mat") as StoredTensor;
    expect(defaults.data).toEqual(Float32Array.from(ringMasks(layer.partition)));
    // Official checkpoints may have different ones.
    defaults.data[0] = 0.25;
    expect(
      loadStateDict(modelOf([7, 7, 1], gmrConv2dLayer({ ...args, trainMasks: true })), tensors).missing,
    ).toEqual([]);
  });
});

describe("loading", () => {
  const network = () =>
    modelOf(
      [9, 9, 2],
      gmrConv2dLayer({ filters: 4, kernelSize: 3, trainMasks: true, groups: 2, name: "a.gmr" }),
      tf.layers.conv2d({ filters: 3, kernelSize: [2, 3], name: "a.conv" }),
      tf.layers.depthwiseConv2d({ kernelSize: 2, depthMultiplier: 2, name: "a.depthwise" }),
      gmrConv2dTransposeLayer({ filters: 2, kernelSize: 3, name: "a.up" }),
      tf.layers.conv2dTranspose({ filters: 3, kernelSize: 2, name: "a.deconv" }),
      tf.layers.batchNormalization({ name: "b.0" }),
      fusedBatchNormalization({ name: "b.1" }),
      tf.layers.layerNormalization({ name: "b.2" }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 3, name: "head.0" }),
      tf.layers.dense({ units: 2, useBias: false, name: "head.1" }),
    );
  const valuesOf = (model: tf.LayersModel) => model.getWeights().map((weight) => weight.arraySync());
  const dense = () => modelOf([2], tf.layers.dense({ units: 1, name: "d" }));
  const float = (...shape: number[]): StoredTensor => ({
    shape,
    data: new Float32Array(product(shape)),
  });

  it("sets the same weights in another model, and leaks nothing", async () => {
    const [from, to] = [network(), network()];
    const { numTensors } = tf.memory();
    const { loaded, missing, unexpected } = loadStateDict(to, await stateDictOf(from));
    expect(tf.memory().numTensors).toBe(numTensors);
    expect([loaded.length, missing, unexpected]).toEqual([from.weights.length, [], []]);
    // White coordinates become ring weights and back, up to rounding.
    const [given, got] = [from, to].map((model) =>
      model.getWeights().flatMap((w) => Array.from(w.dataSync())),
    );
    got.forEach((value, i) => {
      expect(value).toBeCloseTo(given[i], 6);
    });
  });

  it("accepts numbers of any type", () => {
    const model = dense();
    const tensors = new Map<string, StoredTensor>([
      ["d.weight", { shape: [1, 2], data: BigInt64Array.of(3n, -4n) }],
      ["d.bias", { shape: [1], data: Float64Array.of(0.5) }],
    ]);
    loadStateDict(model, tensors);
    expect(valuesOf(model)).toEqual([[[3], [-4]], [0.5]]);
  });

  it("must be complete, unless told otherwise; nothing is changed before everything is checked", async () => {
    const model = dense();
    const values = valuesOf(model);
    const tensors = new Map([
      ["d.weight", float(1, 2)],
      ["e.weight", float(1)],
    ]);
    await expectGmrError(
      () => loadStateDict(model, tensors),
      "invalid-data",
      `the tensors do not fit model "${model.name}": missing d.bias; unexpected e.weight`,
    );
    expect(valuesOf(model)).toEqual(values);
    expect(loadStateDict(model, tensors, { strict: false })).toEqual({
      loaded: ["d.weight"],
      missing: ["d.bias"],
      unexpected: ["e.weight"],
    });
    expect(valuesOf(model)[0]).toEqual([[0], [0]]);
  });

  it("names only a few of many", () =>
    expectGmrError(
      () => loadStateDict(network(), new Map()),
      "invalid-data",
      expect.stringMatching(
        /missing a\.gmr\.weight, a\.gmr\.log_sigmas, a\.gmr\.weight_index_mat, … \(\d+\); unexpected none$/,
      ),
    ));

  it("must have the right shapes", () =>
    expectGmrError(
      () =>
        loadStateDict(
          dense(),
          new Map([
            ["d.weight", float(2, 1)],
            ["d.bias", float(1)],
          ]),
        ),
      "invalid-shape",
      "tensor d.weight has shape [2,1], the model needs [1,2]",
    ));
});

describe("has no counterpart in PyTorch", () => {
  it.each<[string, number[], tf.layers.Layer[]]>([
    [
      'weight "pointwise_kernel" of layer l (SeparableConv2D) has no counterpart in PyTorch',
      [5, 5, 2],
      [tf.layers.separableConv2d({ filters: 2, kernelSize: 3, name: "l" })],
    ],
    [
      'weight "recurrent_kernel" of layer l (LSTM) has no counterpart in PyTorch',
      [5, 2],
      [tf.layers.lstm({ units: 2, name: "l" })],
    ],
    [
      "layer l is itself a model, which has no names in PyTorch",
      [2],
      [tf.sequential({ layers: [tf.layers.dense({ units: 2, inputShape: [2] })], name: "l" })],
    ],
    [
      "layer l works on a flattened map of [4,5,2], which PyTorch flattens in another order",
      [4, 5, 2],
      [tf.layers.flatten(), tf.layers.batchNormalization({ name: "l" })],
    ],
  ])("%s", (message, inputShape, layers) =>
    expectGmrError(() => stateDictOf(modelOf(inputShape, ...layers)), "unsupported", message),
  );
});
