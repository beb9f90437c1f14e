import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { setBackendTraits } from "./backendTraits.ts";
import { gmrConv2d } from "./conv.ts";
import { loopCosts } from "./costModel.ts";
import { gmrConv2dLayer } from "./layers/index.ts";
import { forgetMeasuredStrategies, measuredStrategies, restoreMeasuredStrategies } from "./strategy.ts";
import { tuneStrategies } from "./tune.ts";

beforeAll(() => tf.setBackend("cpu"));
afterEach(() => forgetMeasuredStrategies());

/** A convolution of x [1,6,6,2] with a 3×3 kernel. */
function convolve(channels = 2): tf.Tensor4D {
  return gmrConv2d(tf.ones<tf.Rank.R4>([1, 6, 6, channels]), tf.ones([2, channels, 3]), { kernelSize: 3 });
}

async function ranDense(run: () => tf.Tensor): Promise<boolean> {
  const { kernelNames } = await tf.profile(() => tf.tidy(() => void run()));
  return kernelNames.includes("Conv2D");
}

const KEY = "cpu conv2d x[1,6,6,2] y[1,4,4,3] k[3,3] r2/9 p[0,0]";

it("times every shape once, remembers the faster strategy, and leaves no tensors", async () => {
  const before = tf.memory().numTensors;
  const seen: string[] = [];
  const run = () => tf.tidy(() => [convolve(2), convolve(2), convolve(4)]);
  const report = await tuneStrategies(run, {
    onProgress: (done, total, key) => seen.push(`${done}/${total} ${key}`),
  });
  expect(tf.memory().numTensors).toBe(before);
  expect(report.map(({ key }) => key)).toEqual([KEY, "cpu conv2d x[1,6,6,4] y[1,4,4,3] k[3,3] r2/9 p[0,0]"]);
  expect(seen[0]).toBe(`0/2 ${KEY}`);
  for (const { key, ring, dense, choice } of report) {
    expect(ring).toBeGreaterThan(0);
    expect(dense).toBeGreaterThan(0);
    expect(choice).toBe(ring <= dense ? "ring" : "dense");
    expect(measuredStrategies()[key]).toBe(choice);
  }
  expect(await tuneStrategies(run)).toEqual([]);
  expect((await tuneStrategies(run, { again: true, repeats: 1 })).length).toBe(2);
});

it("finds the convolutions of a model and of a training step", async () => {
  const model = tf.sequential({
    layers: [
      gmrConv2dLayer({ inputShape: [8, 8, 1], filters: 2, kernelSize: 5 }),
      gmrConv2dLayer({ filters: 2, kernelSize: 3, strategy: "dense" }), // decided already
      tf.layers.flatten(),
      tf.layers.dense({ units: 1 }),
    ],
  });
  model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
  const [x, y] = [tf.ones([4, 8, 8, 1]), tf.ones([4, 1])];
  const report = await tuneStrategies(() => model.trainOnBatch(x, y), { repeats: 1 });
  expect(report.map(({ key }) => key)).toEqual([
    "cpu conv2d x[4,8,8,1] y[4,4,4,2] k[5,5] r3/21 p[0,0] training",
  ]);
  model.dispose();
  tf.dispose([x, y]);
});

it("lets auto follow what was measured, also from another process", async () => {
  setBackendTraits("cpu", { costModel: () => ({ ring: 1, dense: 2 }) });
  expect(await ranDense(convolve)).toBe(false);
  restoreMeasuredStrategies({ [KEY]: "dense" });
  expect(await ranDense(convolve)).toBe(true);
  expect(measuredStrategies()).toEqual({ [KEY]: "dense" });
  forgetMeasuredStrategies();
  expect(await ranDense(convolve)).toBe(false);
  setBackendTraits("cpu", { costModel: loopCosts });
});

it("forgets the measurements of a single backend", () => {
  restoreMeasuredStrategies({ [KEY]: "dense", "wasm conv2d": "ring" });
  forgetMeasuredStrategies("cpu");
  expect(measuredStrategies()).toEqual({ "wasm conv2d": "ring" });
});

it("uses the other strategy if the backend cannot run one", async () => {
  const kernel = tf.getKernel("DepthwiseConv2dNative", "cpu");
  tf.unregisterKernel("DepthwiseConv2dNative", "cpu");
  try {
    setBackendTraits("cpu", { costModel: () => ({ ring: 2, dense: 1 }) });
    const [{ ring, choice }] = await tuneStrategies(() => convolve());
    expect([ring, choice]).toEqual([Number.POSITIVE_INFINITY, "dense"]);
  } finally {
    setBackendTraits("cpu", { costModel: loopCosts });
    tf.registerKernel(kernel);
  }
});

it("refuses anything but strategies, and then restores nothing", () => {
  expectGmrError(
    () => restoreMeasuredStrategies({ a: "ring", b: "fast" }),
    "invalid-data",
    'measured strategies must be "ring" or "dense", got "fast" for "b"',
  );
  expect(measuredStrategies()).toEqual({});
});

it("passes on errors from the callback, and stops recording", async () => {
  await expect(tuneStrategies(() => Promise.reject(new Error("no data")))).rejects.toThrow("no data");
  tf.dispose(convolve());
  expect(measuredStrategies()).toEqual({});
});
