// What 1-D, 3-D and transposed layers and trained masks add to `gmrConv.test.ts`.

import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import { saveAndLoad } from "../../testing/saveAndLoad.ts";
import {
  clipRingMasks,
  decaysWeight,
  fusedBatchNormalization,
  type GmrConv,
  type GmrConvArgs,
  type GmrConvTransposeArgs,
  gmrConv1dLayer,
  gmrConv2dLayer,
  gmrConv2dTransposeLayer,
  gmrConv3dLayer,
  gmrConv3dTransposeLayer,
} from "./index.ts";

beforeAll(() => tf.setBackend("cpu"));
beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

const image = (...shape: number[]) => tf.randomNormal(shape, 0, 1, "float32", 5);

type Factory = (args: GmrConvArgs & GmrConvTransposeArgs) => GmrConv;
const FAMILY: [string, Factory, number[], GmrConvArgs & GmrConvTransposeArgs, number[], number[]][] = [
  ["GmrConv1D", gmrConv1dLayer, [9, 4], { filters: 6, kernelSize: 3, groups: 2 }, [2, 2, 6], [7, 6]],
  [
    "GmrConv3D",
    gmrConv3dLayer,
    [5, 6, 7, 4],
    { filters: 6, kernelSize: [3, 5, 5], padding: "same", strides: [1, 2, 1] },
    [2, 4, 6],
    [5, 3, 7, 6],
  ],
  [
    "GmrConv2DTranspose",
    gmrConv2dTransposeLayer,
    [5, 6, 4],
    { filters: 6, kernelSize: 3, strides: 2, padding: 1, outputPadding: [1, 0], groups: 2 },
    [2, 3, 4],
    [10, 11, 6],
  ],
  [
    "GmrConv3DTranspose",
    gmrConv3dTransposeLayer,
    [3, 2, 3, 4],
    { filters: 2, kernelSize: 3, strides: 2, padding: "same" },
    [2, 2, 4],
    [6, 4, 6, 2],
  ],
];

describe.each(FAMILY)("%s", (className, create, inputShape, args, weightShape, outputShape) => {
  const build = () => tf.sequential({ layers: [tf.layers.inputLayer({ inputShape }), create(args)] });

  it("has the weights and the output shape that it predicts", () => {
    const model = build();
    expect(model.layers[1].getClassName()).toBe(className);
    expect(model.weights.map(({ shape }) => shape)).toEqual([weightShape, [weightShape[0]], [args.filters]]);
    expect(model.outputShape).toEqual([null, ...outputShape]);
    expect((model.predict(image(2, ...inputShape)) as tf.Tensor).shape).toEqual([2, ...outputShape]);
  });

  it("keeps its options and weights when saved and loaded", async () => {
    const model = build();
    const loaded = await saveAndLoad(model);
    expect(loaded.layers[1].getConfig()).toEqual(model.layers[1].getConfig());
    const x = image(1, ...inputShape);
    const difference = (loaded.predict(x) as tf.Tensor).sub(model.predict(x) as tf.Tensor);
    expect(difference.abs().max().dataSync()[0]).toBe(0);
  });

  it("learns by fit", async () => {
    const model = build();
    model.compile({ optimizer: tf.train.adam(0.02), loss: "meanSquaredError" });
    const [x, y] = [image(4, ...inputShape), tf.ones([4, ...outputShape])];
    const { history } = await model.fit(x, y, { epochs: 6, verbose: 0 });
    expect(Number(history.loss[5])).toBeLessThan(Number(history.loss[0]));
  });

  it("refuses inputs of another rank", () => {
    expect(() => create(args).apply(image(2, 5, 4, 4, 4, 4))).toThrow(/ndim/);
  });
});

describe("errors name what is wrong", () => {
  it.each<[string, () => unknown]>([
    ["kernelSize must have 1 entries, got [3, 3]", () => gmrConv1dLayer({ filters: 2, kernelSize: [3, 3] })],
    [
      "strides must have 3 entries, got [1, 2]",
      () => gmrConv3dLayer({ filters: 2, kernelSize: 3, strides: [1, 2] }),
    ],
  ])("%s", (message, create) => expectGmrError(create, "invalid-shape", message));

  it("of a transposed layer", () => {
    expectGmrError(
      () => gmrConv2dTransposeLayer({ filters: 2, kernelSize: 3, strides: 2, outputPadding: 2 }),
      "invalid-argument",
      "outputPadding must be less than the larger of stride and dilation, 2 along axis 0, got 2",
    );
    expectGmrError(
      () => gmrConv2dLayer({ filters: 2, kernelSize: 3, strategy: "ring", trainMasks: true }),
      "unsupported",
      'trainMasks needs strategy "dense" or "auto", got "ring"',
    );
  });
});

describe("trained masks", () => {
  const build = () => {
    const layer = gmrConv2dLayer({ filters: 2, kernelSize: 3, trainMasks: true, useBias: false, seed: 1 });
    const model = tf.sequential({ layers: [tf.layers.inputLayer({ inputShape: [6, 6, 1] }), layer] });
    const masks = () => layer.weights[2].read();
    return { model, layer, masks };
  };

  it("start as the partition and are trained", async () => {
    const { model, masks } = build();
    const start = [0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 1, 1, 0, 1, 1, 1, 1];
    expect(Array.from(masks().dataSync())).toEqual(start);
    model.compile({ optimizer: tf.train.sgd(0.01), loss: "meanSquaredError" });
    await model.fit(image(4, 6, 6, 1), tf.ones([4, 4, 4, 2]), { epochs: 1, verbose: 0 });
    expect(
      masks()
        .sub(tf.tensor2d(start, [2, 9]))
        .abs()
        .min()
        .dataSync()[0],
    ).toBeGreaterThan(0);
  });

  it("are clipped to ±0.1 of the partition, and can return from beyond", () => {
    const { model, layer, masks } = build();
    const x = image(1, 6, 6, 1);
    const start = masks().clone();
    const shifted = (by: number) => {
      layer.weights[2].write(start.add(by));
      return model.predict(x) as tf.Tensor;
    };
    const [beyond, bound] = [shifted(5), shifted(0.1)];
    expect(beyond.sub(bound).abs().max().dataSync()[0]).toBeLessThan(1e-6);

    // Σy grows or falls with each mask entry; beyond a bound only steps back inside have a gradient.
    const variables = layer.trainableWeights.map((weight) => weight.read() as tf.Variable);
    const gradientAt = (by: number): number[] => {
      layer.weights[2].write(start.add(by));
      const loss = () => (model.predict(x) as tf.Tensor).sum().asScalar();
      return Array.from(tf.variableGrads(loss, variables).grads[variables[2].name].dataSync());
    };
    const inside = gradientAt(0);
    expect(gradientAt(5)).toEqual(inside.map((g) => Math.max(g, 0)));
    expect(gradientAt(-5).map((g) => g + 0)).toEqual(inside.map((g) => Math.min(g, 0)));

    layer.weights[2].write(start.add(0.3));
    clipRingMasks(model);
    expect(masks().sub(start.add(0.1)).abs().max().dataSync()[0]).toBeLessThan(1e-7);
  });
});

describe("foldedConv", () => {
  it("gives the dense kernel, for a stock convolution", () => {
    const layer = gmrConv2dLayer({ filters: 3, kernelSize: 5, padding: "same", seed: 2, activation: "relu" });
    const x = image(1, 7, 8, 2);
    const y = layer.apply(x) as tf.Tensor;
    const { kernel, bias, rings, ...facts } = layer.foldedConv();
    const stock = tf
      .conv2d(x as tf.Tensor4D, kernel as tf.Tensor4D, 1, "same")
      .add(bias ?? 0)
      .relu();
    expect(stock.sub(y).abs().max().dataSync()[0]).toBeLessThan(1e-6);
    expect(facts).toEqual({
      rank: 2,
      transposed: false,
      kernelSize: [5, 5],
      strides: [1, 1],
      pad: "same",
      padMode: "zeros",
      dilations: [1, 1],
      groups: 1,
      outputPadding: [0, 0],
      activation: "relu",
    });
    const zeros = [
      [0, 0, 0],
      [0, 0, 0],
    ];
    // Every position of the kernel has the weights of its ring, or zeros.
    const [weights, positions] = [rings!.weights(), kernel.reshape([25, 2, 3])].map(
      (tensor) => tensor.arraySync() as number[][][],
    );
    expect(positions).toEqual(Array.from(rings!.index, (ring) => weights[ring] ?? zeros));
    expect(rings!.index).toContain(-1);
  });

  it("has no rings with trained masks", () => {
    const layer = gmrConv2dLayer({ filters: 3, kernelSize: 5, trainMasks: true });
    layer.build([null, 8, 8, 2]);
    expect(layer.foldedConv().rings).toBeUndefined();
  });

  it("needs a layer with weights", () => {
    expectGmrError(
      () => gmrConv2dLayer({ filters: 3, kernelSize: 5, name: "c" }).foldedConv(),
      "invalid-argument",
      "layer c must be built before its rings are known",
    );
  });
});

it("says which weights decay", () => {
  const decayed = (args: Partial<GmrConvArgs>) => {
    const layer = gmrConv2dLayer({ filters: 2, kernelSize: 3, trainMasks: true, ...args });
    layer.build([null, 6, 6, 1]);
    return layer.weights
      .filter(({ originalName }) => decaysWeight(layer, originalName))
      .map(({ shape }) => shape);
  };
  expect(decayed({})).toEqual([[2, 1, 2]]);
  expect(decayed({ decaySigma: true })).toEqual([[2, 1, 2], [2]]);
  const norm = fusedBatchNormalization();
  expect(["gamma", "beta"].map((name) => decaysWeight(norm, name))).toEqual([false, false]);
  const dense = tf.layers.dense({ units: 2 });
  expect(["dense_1/kernel", "dense_1/bias"].map((name) => decaysWeight(dense, name))).toEqual([true, false]);
});
