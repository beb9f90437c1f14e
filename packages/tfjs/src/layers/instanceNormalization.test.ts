import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import { saveAndLoad } from "../../testing/saveAndLoad.ts";
import { foldModel } from "../graph/index.ts";
import { instanceNorm } from "../instanceNorm.ts";
import { InstanceNormalization, instanceNormalization } from "./index.ts";

beforeAll(() => tf.setBackend("cpu"));
beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

const gamma = tf.tensor1d([1, 2, -0.5]);
const beta = tf.tensor1d([0, 0.3, 1]);

/** By the definition. */
function expected(x: tf.Tensor): tf.Tensor {
  const axes = x.shape.map((_, axis) => axis).slice(1, -1);
  const { mean, variance } = tf.moments(x, axes, true);
  return x.sub(mean).div(variance.add(1e-5).sqrt()).mul(gamma).add(beta);
}

const largest = (x: tf.Tensor): number => x.abs().max().dataSync()[0];

it.each([[[3, 7, 3]], [[2, 5, 6, 3]], [[1, 5, 6, 3]], [[2, 3, 4, 5, 3]]])(
  "normalises each image of %j by itself",
  (shape) => {
    const x = tf.randomNormal(shape, 2, 3, "float32", 1);
    expect(largest(instanceNorm(x, gamma, beta).sub(expected(x)))).toBeLessThan(1e-5);
  },
);

it("has the gradients of its definition", () => {
  const x = tf.randomNormal([2, 4, 3, 3], 1, 2, "float32", 2);
  const dy = tf.randomNormal(x.shape, 0, 1, "float32", 3);
  const ours = tf.grad((t: tf.Tensor) => instanceNorm(t, gamma, beta))(x, dy);
  expect(largest(ours.sub(tf.grad(expected)(x, dy)))).toBeLessThan(1e-5);
});

it.each([{}, { slope: 0 }, { slope: 0.1 }])("is saved, loaded and folded with %j", async (args) => {
  const layers = [
    tf.layers.inputLayer({ inputShape: [4, 5, 6, 3] }),
    instanceNormalization({ epsilon: 1e-3, ...args }),
  ];
  const model = tf.sequential({ layers });
  model.setWeights([gamma.clone(), beta.clone()]);
  const x = tf.randomNormal([2, 4, 5, 6, 3], 1, 2, "float32", 4);
  const y = model.predict(x) as tf.Tensor;
  const loaded = await saveAndLoad(model);
  expect(loaded.layers[1]).toBeInstanceOf(InstanceNormalization);
  expect(largest((loaded.predict(x) as tf.Tensor).sub(y))).toBe(0);
  const folded = foldModel(model);
  expect(largest((folded.predict(x) as tf.Tensor).sub(y))).toBeLessThan(1e-5);
});

it("multiplies negative outputs by the slope, as a rectifier after it does", () => {
  const x = tf.randomNormal([2, 4, 3, 3], 1, 2, "float32", 2);
  const dy = tf.randomNormal(x.shape, 0, 1, "float32", 3);
  const ours = (t: tf.Tensor) => instanceNorm(t, gamma, beta, 1e-5, 0.1);
  const stock = (t: tf.Tensor) => tf.leakyRelu(expected(t), 0.1);
  expect(largest(ours(x).sub(stock(x)))).toBeLessThan(1e-5);
  expect(largest(tf.grad(ours)(x, dy).sub(tf.grad(stock)(x, dy)))).toBeLessThan(1e-5);
});

it("loads models from before the slope", () => {
  const { slope: _, ...config } = instanceNormalization({ name: "norm" }).getConfig();
  expect(new InstanceNormalization(config).slope).toBe(1);
});

it("refuses what it cannot normalise", () => {
  expectGmrError(
    () => instanceNormalization({ slope: 1.5 }),
    "invalid-argument",
    "slope must lie in [0, 1], got 1.5",
  );
  expectGmrError(
    () => instanceNormalization({ epsilon: 0 }),
    "invalid-argument",
    "epsilon must be positive, got 0",
  );
  expectGmrError(
    () => instanceNormalization({ name: "norm" }).build([null, 5]),
    "invalid-shape",
    "layer norm needs inputs [N, ...spatial, C] with C known, got [null, 5]",
  );
});

it("refuses maps of one position, when it is built and when it is called", () => {
  const message = (shape: string) =>
    `layer norm cannot normalise maps of one position, got ${shape}: the output is always beta, so no earlier layer ` +
    "learns; use larger images or fewer levels";
  const layer = instanceNormalization({ name: "norm" });
  expectGmrError(
    () => layer.apply(tf.input({ shape: [1, 1, 3] })),
    "invalid-shape",
    message("[null, 1, 1, 3]"),
  );
  const open = instanceNormalization({ name: "norm" });
  open.apply(tf.input({ shape: [null, null, 3] }));
  expect((open.apply(tf.ones([2, 1, 2, 3])) as tf.Tensor).shape).toEqual([2, 1, 2, 3]);
  expectGmrError(() => open.apply(tf.ones([2, 1, 1, 3])), "invalid-shape", message("[2, 1, 1, 3]"));
});
