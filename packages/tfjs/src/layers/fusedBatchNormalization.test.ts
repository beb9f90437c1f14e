import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import { saveAndLoad } from "../../testing/saveAndLoad.ts";
import { FusedBatchNormalization, fusedBatchNormalization } from "./index.ts";

beforeAll(() => tf.setBackend("cpu"));
beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

const batch = (...shape: number[]) => tf.randomNormal(shape, 2, 3, "float32", 5);
const train = (layer: tf.layers.Layer, x: tf.Tensor) => layer.apply(x, { training: true }) as tf.Tensor;

function expectClose(actual: tf.Tensor, expected: tf.Tensor): void {
  expect(actual.shape).toEqual(expected.shape);
  expect(actual.sub(expected).abs().max().dataSync()[0]).toBeLessThan(1e-5);
}

describe("in training", () => {
  it("normalises with the batch's statistics, like the stock formulas", () => {
    const x = batch(4, 5, 3, 2);
    const { mean, variance } = tf.moments(x, [0, 1, 2]);
    const expected = x.sub(mean).div(variance.add(0.01).sqrt());
    expectClose(train(fusedBatchNormalization({ epsilon: 0.01 }), x), expected);
  });

  it("uses gamma and beta", () => {
    const x = batch(6, 2);
    const layer = fusedBatchNormalization();
    const plain = train(layer, x);
    const [gamma, beta] = [tf.tensor1d([2, -1]), tf.tensor1d([5, 6])];
    layer.setWeights([gamma, beta, tf.zeros([2]), tf.ones([2])]);
    expectClose(train(layer, x), plain.mul(gamma).add(beta));
  });

  it("updates the moving averages, the variance unbiased", () => {
    const x = batch(4, 3, 2);
    const layer = fusedBatchNormalization({ momentum: 0.75 });
    train(layer, x);
    train(layer, x);
    const { mean, variance } = tf.moments(x, [0, 1]);
    const unbiased = variance.mul(12 / 11);
    const [, , movingMean, movingVariance] = layer.getWeights();
    const old = 0.75 ** 2;
    expectClose(movingMean, mean.mul(1 - old));
    expectClose(movingVariance, unbiased.mul(1 - old).add(old));
  });

  it("starts with gamma 0 if asked to", () => {
    const y = train(fusedBatchNormalization({ zeroGamma: true }), batch(6, 2));
    expect(y.abs().max().dataSync()[0]).toBe(0);
  });

  it("rectifies if asked to, in training and after", () => {
    const x = batch(6, 2);
    const [plain, rectified] = [fusedBatchNormalization(), fusedBatchNormalization({ relu: true })];
    expectClose(train(rectified, x), train(plain, x).relu());
    expectClose(rectified.apply(x) as tf.Tensor, (plain.apply(x) as tf.Tensor).relu());
  });

  it("learns gamma and beta, and leaks nothing", async () => {
    const model = tf.sequential({
      layers: [
        fusedBatchNormalization({ inputShape: [4, 2] }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 1 }),
      ],
    });
    model.compile({ optimizer: tf.train.sgd(0.05), loss: "meanSquaredError" });
    const [x, y] = [batch(8, 4, 2), batch(8, 1)];
    await model.trainOnBatch(x, y);
    const before = tf.memory().numTensors;
    const first = model
      .getWeights()
      .slice(0, 2)
      .map((weight) => Array.from(weight.dataSync()));
    for (let step = 0; step < 3; step++) await model.trainOnBatch(x, y);
    expect(tf.memory().numTensors).toBe(before);
    model
      .getWeights()
      .slice(0, 2)
      .forEach((weight, i) => {
        expect(Array.from(weight.dataSync())).not.toEqual(first[i]);
      });
  });
});

describe("in inference", () => {
  it.each([[[5, 3]], [[2, 4, 3]], [[2, 4, 5, 3]], [[1, 2, 2, 2, 3]]])(
    "is tf.batchNorm with the moving averages, x %j",
    (shape) => {
      const x = batch(...shape);
      const layer = fusedBatchNormalization({ epsilon: 0.002 });
      layer.build(shape);
      const [gamma, beta, mean, variance] = [
        [1, 2, 3],
        [4, 5, 6],
        [0.1, 0.2, 0.3],
        [1, 4, 9],
      ].map((values) => tf.tensor1d(values));
      layer.setWeights([gamma, beta, mean, variance]);
      const rows = tf.batchNorm(x.reshape<tf.Tensor4D>([-1, 1, 1, 3]), mean, variance, beta, gamma, 0.002);
      expectClose(layer.apply(x) as tf.Tensor, rows.reshape(shape));
      expect(layer.getWeights().map((weight) => Array.from(weight.dataSync())[0])).toEqual([
        1,
        4,
        expect.closeTo(0.1),
        1,
      ]);
    },
  );
});

it("rectifies with a slope in training and inference, and keeps it", () => {
  const [plain, leaky] = [fusedBatchNormalization(), fusedBatchNormalization({ slope: 0.25 })];
  const x = batch(6, 2);
  expectClose(train(leaky, x), tf.leakyRelu(train(plain, x), 0.25));
  expectClose(leaky.apply(x) as tf.Tensor, tf.leakyRelu(plain.apply(x) as tf.Tensor, 0.25));
  expect(new FusedBatchNormalization(leaky.getConfig()).getConfig()).toEqual(leaky.getConfig());
  expect(leaky.getConfig()).toMatchObject({ relu: false, slope: 0.25 });
  expectGmrError(
    () => fusedBatchNormalization({ relu: true, slope: 0.25 }),
    "invalid-argument",
    "with relu, slope must be 0 or left out, got 0.25",
  );
});

it("keeps its options and averages when saved and loaded", async () => {
  const args = {
    inputShape: [3, 2],
    momentum: 0.5,
    epsilon: 0.01,
    zeroGamma: true,
    relu: true,
    name: "norm",
  };
  const model = tf.sequential({ layers: [fusedBatchNormalization(args)] });
  train(model.layers[0], batch(4, 3, 2));
  const loaded = await saveAndLoad(model);
  expect(loaded.layers[0]).toBeInstanceOf(FusedBatchNormalization);
  expect(loaded.layers[0].getConfig()).toEqual(model.layers[0].getConfig());
  expect(loaded.layers[0].getConfig()).toMatchObject({
    momentum: 0.5,
    epsilon: 0.01,
    zeroGamma: true,
    relu: true,
  });
  expect(loaded.weights.map((weight) => weight.originalName)).toEqual([
    "norm/gamma",
    "norm/beta",
    "norm/moving_mean",
    "norm/moving_variance",
  ]);
  const values = (from: tf.LayersModel) => from.getWeights().map((weight) => Array.from(weight.dataSync()));
  expect(values(loaded)).toEqual(values(model));
  expect(loaded.trainableWeights.length).toBe(2);
});

it("keeps its averages when a batch is empty", () => {
  const layer = fusedBatchNormalization();
  train(layer, batch(4, 3, 2));
  const before = layer.getWeights().map((weight) => Array.from(weight.dataSync()));
  const y = layer.apply(tf.zeros([0, 3, 3, 2]), { training: true }) as tf.Tensor;
  expect(y.shape).toEqual([0, 3, 3, 2]);
  expect(layer.getWeights().map((weight) => Array.from(weight.dataSync()))).toEqual(before);
});

describe("rejects", () => {
  it.each<[string, object]>([
    ["momentum must lie in [0, 1], got 1.5", { momentum: 1.5 }],
    ["momentum must be a finite number, got NaN", { momentum: Number.NaN }],
    ["epsilon must be positive, got 0", { epsilon: 0 }],
    ["epsilon must be a finite number, got Infinity", { epsilon: Number.POSITIVE_INFINITY }],
  ])("%s", (message, args) =>
    expectGmrError(() => fusedBatchNormalization(args), "invalid-argument", message),
  );

  it.each([
    [1, 3],
    [1, 1, 1, 3],
  ])("one value per channel in training, but not otherwise: [%i, …]", (...shape) => {
    const layer = fusedBatchNormalization({ name: "norm" });
    const x = tf.ones(shape);
    expect((layer.apply(x) as tf.Tensor).shape).toEqual(shape);
    expectGmrError(
      () => layer.apply(x, { training: true }),
      "invalid-shape",
      `layer norm cannot train on one value per channel, got [${shape}]: its normalised value is always 0, so no ` +
        "earlier layer learns; use batches of more than one image, or larger images",
    );
  });

  it("inputs with unknown channels", () =>
    expectGmrError(
      () => fusedBatchNormalization({ name: "norm" }).build([null, 4, null]),
      "invalid-shape",
      "layer norm needs a known number of channels, got [null, 4, null]",
    ));
});
