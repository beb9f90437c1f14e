import { fusedBatchNormalization, gmrConv2dLayer } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { heapBytes } from "../testing/heapBytes.ts";
import { useWasm } from "./index.ts";

beforeAll(() => useWasm());

const SIZE = 12;

/** Classifies squares and crosses. */
function network(convolution: (filters: number) => tf.layers.Layer): tf.Sequential {
  return tf.sequential({
    layers: [
      tf.layers.inputLayer({ inputShape: [SIZE, SIZE, 1] }),
      convolution(6),
      fusedBatchNormalization(),
      tf.layers.reLU(),
      tf.layers.averagePooling2d({ poolSize: 2 }),
      convolution(9),
      fusedBatchNormalization(),
      tf.layers.reLU(),
      tf.layers.globalAveragePooling2d({}),
      tf.layers.dense({ units: 2, activation: "softmax" }),
    ],
  });
}

const CONVOLUTIONS: [string, (filters: number) => tf.layers.Layer][] = [
  ["a GMR network", (filters) => gmrConv2dLayer({ filters, kernelSize: 5, padding: "same", seed: filters })],
  [
    "a dense network",
    (filters) =>
      tf.layers.conv2d({
        filters,
        kernelSize: 3,
        padding: "same",
        kernelInitializer: tf.initializers.heNormal({ seed: filters }),
      }),
  ],
];

function batch(): { x: tf.Tensor; y: tf.Tensor } {
  return tf.tidy(() => {
    const pixel = (draw: (i: number, j: number) => boolean) =>
      tf.tensor(
        Array.from({ length: SIZE * SIZE }, (_, p) => (draw(Math.floor(p / SIZE), p % SIZE) ? 1 : 0)),
        [1, SIZE, SIZE, 1],
      );
    const square = pixel((i, j) => Math.max(Math.abs(i - 6), Math.abs(j - 6)) === 3);
    const cross = pixel((i, j) => i === 6 || j === 6);
    const pairs = tf.concat([square, cross]).tile([4, 1, 1, 1]);
    return {
      x: pairs.add(tf.randomNormal(pairs.shape, 0, 0.5, "float32", 1)),
      y: tf.eye(2).tile([4, 1]),
    };
  });
}

describe.each(CONVOLUTIONS)("200 training steps of %s", (_, convolution) => {
  it("lower the loss, with the number of tensors and the heap constant after the first", async () => {
    const model = network(convolution);
    model.compile({ optimizer: tf.train.adam(0.01), loss: "categoricalCrossentropy" });
    const { x, y } = batch();
    const step = async () => Number(await model.trainOnBatch(x, y));
    const first = await step();
    for (let i = 0; i < 4; i++) await step();
    const { numTensors, numDataBuffers } = tf.memory();
    const bytes = heapBytes();
    let last = first;
    for (let i = 0; i < 195; i++) last = await step();
    expect(tf.memory()).toMatchObject({ numTensors, numDataBuffers });
    expect(heapBytes()).toBe(bytes);
    expect(last).toBeLessThan(0.1 * first);
    tf.dispose([x, y]);
  });
});

it("scratch memory is freed when it grows", () => {
  const run = (size: number) =>
    tf.tidy(() => {
      const layer = gmrConv2dLayer({ filters: 4, kernelSize: 9, padding: "same" });
      layer.apply(tf.ones([1, size, size, 4]));
      layer.dispose();
    });
  for (let size = 200; size >= 8; size -= 8) run(size);
  const bytes = heapBytes();
  for (let size = 8; size <= 200; size += 8) run(size);
  expect(heapBytes()).toBe(bytes);
});
