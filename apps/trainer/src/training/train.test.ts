import { Random } from "@gmr-conv/core";
import { resNet } from "@gmr-conv/models";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../backend.ts";
import type { OptimizerConfig } from "./config.ts";
import { Optimizer } from "./optimizer.ts";
import { learningRateAt } from "./schedule.ts";
import { trainStep } from "./train.ts";
import { decayedWeights, modelVariables } from "./variables.ts";

const model = () =>
  resNet({ inputShape: [12, 12, 1], classes: 3, depths: [1], widths: [8], kernelSizes: [5], seed: 1 });
const random = new Random(1);
const batch = {
  images: Float32Array.from({ length: 6 * 144 }, () => random.normal()),
  labels: Int32Array.of(0, 1, 2, 0, 1, 2),
  count: 6,
};
const config = (name: OptimizerConfig["name"]): OptimizerConfig => ({
  name,
  learningRate: 0.01,
  weightDecay: 0.01,
  momentum: 0.9,
  warmup: 0.1,
});

beforeAll(() => useBackend("wasm"));

describe("learningRateAt", () => {
  it("rises along a line and falls along half a cosine", () => {
    const rates = Array.from({ length: 100 }, (_, step) => learningRateAt(step, 100, 2, 0.1));
    expect(rates[0]).toBeCloseTo(0.2);
    expect(Math.max(...rates)).toBe(2);
    expect(rates.indexOf(2)).toBe(9);
    expect(rates[55]).toBeCloseTo(1, 1);
    expect(rates[99]).toBeLessThan(0.01);
  });
});

describe.each(["adamw", "sgd"] as const)("%s", (name) => {
  it("learns a batch by heart and leaves no tensor behind", async () => {
    const network = model();
    const variables = modelVariables(network, true);
    const optimizer = new Optimizer(config(name), variables, decayedWeights(network));
    const step = () =>
      trainStep(network, optimizer, [...variables.values()], batch, {
        labelSmoothing: 0,
        learningRate: 0.01,
      });
    const first = await step();
    const tensors = tf.memory().numTensors;
    let last = first;
    for (let i = 0; i < 200; i++) last = await step();
    expect(tf.memory().numTensors).toBe(tensors);
    expect(last.loss).toBeLessThan(first.loss / 10);
    expect(last.correct).toBe(6);
    optimizer.dispose();
    network.dispose();
  });

  it("goes on the same after its state was saved and restored", async () => {
    const results: Float32Array[] = [];
    for (const interrupted of [false, true]) {
      const network = model();
      const variables = modelVariables(network, true);
      let optimizer = new Optimizer(config(name), variables, decayedWeights(network));
      for (let i = 0; i < 6; i++) {
        if (interrupted && i === 3) {
          const saved = new Map(await optimizer.save());
          optimizer.dispose();
          optimizer = new Optimizer(config(name), variables, decayedWeights(network));
          optimizer.restore((key) => saved.get(key) as never);
        }
        await trainStep(network, optimizer, [...variables.values()], batch, {
          labelSmoothing: 0.1,
          learningRate: 0.01,
        });
      }
      const [conv] = variables.values();
      results.push(Float32Array.from(await conv.data()));
      optimizer.dispose();
      network.dispose();
    }
    expect(results[1]).toEqual(results[0]);
  });

  it("gives the same on wasm as composed on the stock CPU backend", async () => {
    const results: Float32Array[] = [];
    for (const backend of ["wasm", "cpu"] as const) {
      await useBackend(backend);
      const values = tf.variable(tf.linspace(-1, 1, 7));
      const optimizer = new Optimizer(config(name), new Map([["a/kernel", values]]), new Set(["a/kernel"]));
      for (let i = 1; i < 5; i++) {
        const gradient = tf.linspace(i, -2, 7);
        optimizer.apply({ [values.name]: gradient }, 0.1);
        gradient.dispose();
      }
      results.push(Float32Array.from(await values.data()));
      optimizer.dispose();
      values.dispose();
    }
    await useBackend("wasm");
    results[0].forEach((value, i) => {
      expect(value).toBeCloseTo(results[1][i], 5);
    });
  });
});
