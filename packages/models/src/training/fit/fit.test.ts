import { useWasm } from "@gmr-conv/backend-wasm";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { expectGmrError } from "../../../../../tooling/testing/expectGmrError.ts";
import { resNet } from "../../resnet.ts";
import { unet } from "../../unet.ts";
import { softmaxCrossEntropy } from "../crossEntropy.ts";
import { diceCrossEntropy, diceLoss } from "../dice.ts";
import { accuracy, diceScore, intersectionOverUnion, topKAccuracy } from "../metrics.ts";
import type { FitFunction } from "./labels.ts";
import { losses } from "./losses.ts";
import { metrics } from "./metrics.ts";

const classifier = () =>
  resNet({ inputShape: [8, 8, 1], classes: 3, depths: [1, 1], widths: [4, 6], kernelSizes: [3, 3], seed: 1 });
const segmenter = (sizes: number[]) =>
  unet({
    inputShape: [...sizes, 1],
    classes: 3,
    levels: 1,
    features: [4, 4, 4],
    kernelSizes: [3, 3],
    seed: 1,
  });

/** Six blank images of three brightnesses, which are their classes. */
const classes = [0, 1, 2, 0, 1, 2];
const plainImages = () => tf.tensor(classes, [6, 1, 1, 1]).sub(1).tile([1, 8, 8, 1]) as tf.Tensor4D;

const masksOf = (sizes: number[]) => {
  const count = 4 * sizes.reduce((a, b) => a * b);
  return tf.tensor(
    Int32Array.from({ length: count }, (_, i) => (i % 7) % 3),
    [4, ...sizes],
    "int32",
  );
};

describe.each(["wasm", "cpu"])("on %s", (backend) => {
  beforeAll(async () => {
    if (backend === "wasm") await useWasm();
    else await tf.setBackend(backend);
  });

  it.each<[string, FitFunction, (logits: tf.Tensor, labels: tf.Tensor) => tf.Tensor]>([
    [
      "softmaxCrossEntropy",
      losses.softmaxCrossEntropy({ labelSmoothing: 0.1, classWeights: [1, 2, 3] }),
      (z, t) => softmaxCrossEntropy(z, t, { labelSmoothing: 0.1, classWeights: [1, 2, 3] }),
    ],
    ["dice", losses.dice({ perImage: false }), (z, t) => diceLoss(z, t, { perImage: false })],
    [
      "diceCrossEntropy",
      losses.diceCrossEntropy({ diceWeight: 2 }),
      (z, t) => diceCrossEntropy(z, t, { diceWeight: 2 }),
    ],
    ["accuracy", metrics.accuracy(), (z, t) => accuracy(z, t)],
    ["top2Accuracy", metrics.topKAccuracy({ k: 2 }), (z, t) => topKAccuracy(z, t, { k: 2 })],
    ["meanDice", metrics.meanDice(), (z, t) => diceScore(z, t).mean()],
    [
      "meanIoU",
      metrics.meanIoU({ includeBackground: false }),
      (z, t) => intersectionOverUnion(z, t).slice(1).mean(),
    ],
  ])("%s: is that of training loops, whatever form labels have", (name, run, plain) => {
    expect(run.name).toBe(name);
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      const logits = tf.randomNormal([4, 5, 6, 3], 0, 2, "float32", 3);
      const labels = masksOf([5, 6]);
      const forms = [labels, labels.expandDims(-1), labels.cast("float32"), tf.oneHot(labels, 3)];
      const expected = plain(logits, labels).dataSync()[0];
      for (const form of forms) expect(run(form, logits).mean().dataSync()[0]).toBeCloseTo(expected, 5);
      if (!(name in losses)) return;
      const gradient = tf
        .grad((z) => plain(z, labels).mean())(logits)
        .dataSync();
      const actual = tf
        .grad((z) => run(labels, z).mean())(logits)
        .dataSync();
      actual.forEach((value, i) => {
        expect(value).toBeCloseTo(gradient[i], 6);
      });
    });
    expect(tf.memory().numTensors).toBe(before);
  });

  it("leaves out what is to be ignored, and counts classes that occur", () => {
    tf.tidy(() => {
      const logits = tf.tensor([9, 0, 0, 0, 9, 0, 9, 0, 0, 9, 0, 0], [1, 2, 2, 3]);
      const labels = tf.tensor([0, 1, 1, 255], [1, 2, 2, 1], "int32");
      const read = (run: FitFunction) => run(labels, logits).dataSync()[0];
      expect(read(metrics.accuracy({ ignoreLabel: 255 }))).toBeCloseTo(2 / 3);
      expect(read(metrics.topKAccuracy({ k: 2, ignoreLabel: 255 }))).toBe(1);
      expect(read(metrics.meanDice({ ignoreLabel: 255 }))).toBeCloseTo(2 / 3); // class 2 is nowhere
      expect(read(metrics.meanIoU({ ignoreLabel: 255, includeBackground: false }))).toBeCloseTo(1 / 2);
      expect(read(losses.diceCrossEntropy({ ignoreLabel: 255 }))).toBeGreaterThan(1);
    });
  });

  it("counts the first among equals, and nothing in NaN: topKAccuracy", () => {
    tf.tidy(() => {
      const logits = tf.tensor2d([1, 1, 1, 1, 1, 1, Number.NaN, 5, 1, -Infinity, 2, 3], [4, 3]);
      const of = (k: number, labels: number[]) =>
        topKAccuracy(logits, tf.tensor1d(labels, "int32"), { k }).dataSync()[0] * 4;
      expect([of(1, [0, 2, 1, 2]), of(2, [1, 2, 1, 1]), of(3, [2, 2, 1, 0])]).toEqual([2, 2, 3]);
    });
  });

  it.each<[string, (labels: tf.Tensor1D) => tf.Tensor]>([
    ["class indices", (labels) => labels],
    ["a column of them", (labels) => labels.expandDims(-1)],
    ["float32", (labels) => labels.cast("float32")],
    ["one-hot", (labels) => tf.oneHot(labels, 3)],
  ])("fit trains a ResNet on labels: %s", async (_name, form) => {
    const model = classifier();
    const optimizer = tf.train.adam(0.02);
    model.compile({
      optimizer,
      loss: losses.softmaxCrossEntropy(),
      metrics: [metrics.accuracy(), metrics.topKAccuracy({ k: 2 }), "accuracy"],
    });
    const [x, y] = [plainImages(), form(tf.tensor1d(classes, "int32"))];
    await model.fit(x, y, { epochs: 1, verbose: 0 });
    const before = tf.memory().numTensors;
    const { history } = await model.fit(x, y, { epochs: 20, validationData: [x, y], verbose: 0 });
    expect(tf.memory().numTensors).toBe(before);
    expect(Object.keys(history).sort()).toEqual(
      ["acc", "accuracy", "loss", "top2Accuracy"].flatMap((key) => [key, `val_${key}`]).sort(),
    );
    expect(history.loss[19]).toBeLessThan(0.5 * Number(history.loss[0]));
    expect(history.accuracy[19]).toBe(1);
    expect(history.acc).toEqual(history.accuracy);
    tf.dispose([x, y]);
    model.dispose();
    optimizer.dispose();
  });

  it.each([
    ["images", [6, 6], (masks: tf.Tensor) => masks],
    ["images, masks with a channel", [6, 6], (masks: tf.Tensor) => masks.expandDims(-1)],
    ["volumes", [4, 4, 4], (masks: tf.Tensor) => masks],
    ["volumes, masks with a channel, one-hot", [4, 4, 4], (masks: tf.Tensor) => tf.oneHot(masks, 3)],
  ])("fit trains a UNet, without leaking: %s", async (_name, sizes, form) => {
    const model = segmenter(sizes);
    const optimizer = tf.train.adam(0.02);
    const loss = losses.diceCrossEntropy();
    model.compile({ optimizer, loss, metrics: [metrics.meanDice(), metrics.meanIoU(), "accuracy"] });
    const masks = masksOf(sizes);
    const [x, y] = [masks.cast("float32").expandDims(-1), form(masks)];
    const tensors: number[] = [];
    for (let step = 0; step < 4; step++) {
      await model.trainOnBatch(x, y);
      tensors.push(tf.memory().numTensors);
    }
    const { history } = await model.fit(x, y, { batchSize: 2, epochs: 8, verbose: 0 });
    tensors.push(tf.memory().numTensors);
    expect(new Set(tensors).size).toBe(1);
    expect(Object.keys(history)).toEqual(["loss", "meanDice", "meanIoU", "acc"]);
    expect(history.loss[7]).toBeLessThan(Number(history.loss[0]));
    expect(history.meanDice[7]).toBeGreaterThan(0.9);
    expect(history.meanIoU[7]).toBeGreaterThan(0.9);
    tf.dispose([x, y, masks]);
    model.dispose();
    optimizer.dispose();
  });

  it("works in evaluate, trainOnBatch, fitDataset and a sequential model", async () => {
    const model = tf.sequential({
      layers: [
        tf.layers.flatten({ inputShape: [8, 8, 1] }),
        tf.layers.dense({ units: 3, kernelInitializer: "zeros" }),
      ],
    });
    model.compile({
      optimizer: "sgd",
      loss: losses.softmaxCrossEntropy(),
      metrics: ["accuracy", "crossentropy"],
    });
    const [x, y] = [plainImages(), tf.tensor1d(classes)];
    const evaluated = (model.evaluate(x, y) as tf.Scalar[]).map((value) => value.dataSync()[0]);
    expect(evaluated[0]).toBeCloseTo(Math.log(3), 5);
    expect(evaluated[1]).toBeCloseTo(1 / 3, 5);
    expect(evaluated[2]).toBeCloseTo(Math.log(3), 5);
    expect(await model.trainOnBatch(x, y)).toHaveLength(3);
    const dataset = tf.data
      .array([0, 1])
      .map(() => ({ xs: plainImages(), ys: tf.tensor1d(classes, "int32") }));
    const { history } = await model.fitDataset(dataset, { epochs: 2, verbose: 0 });
    expect(Object.keys(history)).toEqual(["loss", "acc", "ce"]);
    tf.dispose([x, y]);
    model.dispose();
  });

  it("weighs classes as fit asks", async () => {
    const model = classifier();
    const loss = losses.softmaxCrossEntropy();
    model.compile({ optimizer: tf.train.sgd(0), loss });
    const [x, y] = [plainImages(), tf.tensor1d(classes, "int32")];
    const logits = model.apply(x, { training: true }) as tf.Tensor;
    const each = Array.from(tf.tidy(() => loss(y, logits)).dataSync());
    const { history } = await model.fit(x, y, {
      batchSize: 6,
      epochs: 1,
      verbose: 0,
      classWeight: { 0: 1, 1: 5, 2: 0 },
    });
    const expected = each.reduce((sum, value, n) => sum + value * [1, 5, 0][classes[n]], 0) / 6;
    expect(history.loss[0]).toBeCloseTo(expected, 4);
    tf.dispose([x, y, logits]);
    model.dispose();
  });

  it("serves one of several outputs", async () => {
    const input = tf.input({ shape: [4] });
    const dense = (name: string, units: number) =>
      tf.layers.dense({ name, units, kernelInitializer: "zeros" }).apply(input) as tf.SymbolicTensor;
    const model = tf.model({ inputs: input, outputs: [dense("kind", 3), dense("size", 1)] });
    model.compile({
      optimizer: "sgd",
      loss: { kind: losses.softmaxCrossEntropy(), size: tf.metrics.meanSquaredError },
      metrics: { kind: ["accuracy", metrics.topKAccuracy({ k: 2 })], size: "mse" } as never, // declared too narrowly
    });
    const [x, kinds, sizes] = [tf.ones([6, 4]), tf.tensor1d(classes, "int32"), tf.zeros([6, 1])];
    const values = (model.evaluate(x, { kind: kinds, size: sizes } as never) as tf.Scalar[]).map(
      (value) => value.dataSync()[0],
    );
    expect(model.metricsNames).toEqual([
      "loss",
      "kind_loss",
      "size_loss",
      "kind_acc",
      "kind_top2Accuracy",
      "size_mse",
    ]);
    expect(values[values.length - 3]).toBeCloseTo(1 / 3);
    expect(values[values.length - 2]).toBeCloseTo(2 / 3);
    const { history } = await model.fit(x, { kind: kinds, size: sizes } as never, { epochs: 1, verbose: 0 });
    expect(history.kind_acc[0]).toBeCloseTo(1 / 3);
    tf.dispose([x, kinds, sizes]);
    model.dispose();
  });

  it("leaves models with other losses as they are", async () => {
    losses.dice();
    const model = classifier();
    model.compile({ optimizer: "sgd", loss: "meanSquaredError", metrics: ["accuracy"] });
    const [x, y] = [plainImages(), tf.tensor1d(classes)];
    await expect(model.fit(x, y, { verbose: 0 })).rejects.toThrow(/shape \[3\]/);
    tf.dispose([x, y]);
    model.dispose();
  });
});

describe("bad arguments", () => {
  beforeAll(() => useWasm());

  const logits = () => tf.tensor2d([1, -2, 3, 0, 1, 2], [2, 3]);
  it.each<[string, () => unknown, string, string]>([
    [
      "labels of another shape",
      () => losses.dice()(tf.zeros([2, 4]), tf.zeros([2, 5, 3])),
      "invalid-shape",
      "labels must have shape [2,5] or [2,5,1] (class indices), or [2,5,3] (one-hot), got [2,4]",
    ],
    [
      "a single output",
      () => losses.softmaxCrossEntropy()(tf.zeros([2, 1]), tf.zeros([2, 1])),
      "invalid-shape",
      "the model's output must be logits [N, ..., classes] of at least two classes, got [2,1]",
    ],
    [
      "fractions",
      () => metrics.accuracy()(tf.tensor1d([0, 0.5]), logits()),
      "invalid-data",
      "labels must be class indices, whole numbers, got 0.5",
    ],
    [
      "not a class",
      () => losses.softmaxCrossEntropy()(tf.tensor1d([0, 3]), logits()),
      "invalid-data",
      "labels must be class indices in [0, 3), got 3 at [1] (1 of 2 labels): " +
        "give ignoreLabel: 3 if these are to be ignored",
    ],
    [
      "a misspelt option",
      () => losses.softmaxCrossEntropy({ labelSmothing: 0.1 } as object),
      "invalid-argument",
      'the options of losses.softmaxCrossEntropy have no "labelSmothing": did you mean labelSmoothing?',
    ],
    ["k", () => metrics.topKAccuracy({ k: 0 }), "invalid-argument", "k must be a positive integer, got 0"],
    [
      "the order of fit, indices",
      () => softmaxCrossEntropy(tf.tensor1d([0, 1], "int32"), logits()),
      "invalid-argument",
      "the order is (logits, labels), got int32 [2] and float32 [2,3], which look like labels and logits: " +
        "for model.compile, take losses and metrics of @gmr-conv/models",
    ],
    [
      "the order of fit, a column",
      () => accuracy(tf.zeros([2, 1]), logits()),
      "invalid-argument",
      "the order is (logits, labels), got float32 [2,1] and float32 [2,3], which look like labels and logits: " +
        "for model.compile, take losses and metrics of @gmr-conv/models",
    ],
    [
      "the order of fit, one-hot",
      () => softmaxCrossEntropy(tf.oneHot(tf.tensor1d([0, 1], "int32"), 3).cast("float32"), logits()),
      "invalid-argument",
      "the order is (logits, labels), got float32 [2,3] and float32 [2,3], which look like labels and logits: " +
        "for model.compile, take losses and metrics of @gmr-conv/models",
    ],
  ])("%s", async (_name, action, code, message) => {
    await expectGmrError(() => tf.tidy(() => void action()), code, message);
  });

  it("a loss for training loops in compile: says what to take", async () => {
    const model = classifier();
    model.compile({ optimizer: "sgd", loss: softmaxCrossEntropy as never });
    await expect(
      model.fit(plainImages(), tf.oneHot(tf.tensor1d(classes, "int32"), 3), { verbose: 0 }),
    ).rejects.toThrow(/the order is \(logits, labels\).*take losses and metrics of @gmr-conv\/models/);
    model.dispose();
  });

  it.each([
    [
      "an activation",
      [tf.layers.dense({ units: 3, activation: "softmax", inputShape: [4], name: "probabilities" })],
    ],
    [
      "a layer",
      [tf.layers.dense({ units: 3, inputShape: [4] }), tf.layers.softmax({ name: "probabilities" })],
    ],
  ])("a softmax at the end of the model: %s", async (_name, layers) => {
    const model = tf.sequential({ layers });
    model.compile({ optimizer: "sgd", loss: losses.softmaxCrossEntropy() });
    await expectGmrError(
      () => model.fit(tf.zeros([2, 4]), tf.zeros([2])),
      "invalid-argument",
      "layer probabilities ends the model with a softmax, but this loss takes logits: leave its activation out, " +
        'or use a loss of TensorFlow.js such as "categoricalCrossentropy"',
    );
  });
});
