import { useWasm } from "@gmr-conv/backend-wasm";
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Optimizer } from "./optimizer.ts";
import type { OptimizerSettings } from "./settings.ts";

const GRADIENTS = [
  [0.5, -1, 2],
  [-0.25, 0.125, 1],
  [1.5, -0.5, 0],
  [0.75, 0.25, -3],
];
const sgd = { name: "sgd", learningRate: 0.1, weightDecay: 0.01, momentum: 0.9 } as const;
const adam = { name: "adam", learningRate: 0.1, weightDecay: 0.01, momentum: 0.9 } as const;

// What torch.optim of PyTorch 2.13 makes of [1, -2, 0.5] with these gradients.
const PYTORCH: [string, OptimizerSettings, number[]][] = [
  ["SGD", { ...sgd, nesterov: false }, [0.5272710919, -1.6028096676, -0.1611328423]],
  ["SGD of Nesterov", { ...sgd, weightDecay: 0 }, [0.3322200179, -1.5454773903, -0.0929199681]],
  ["Adam", adam, [0.7287308574, -1.7272738218, 0.2457807958]],
  ["AdamW", { ...adam, name: "adamw" }, [0.7283450365, -1.725396990776, 0.244659990072]],
  [
    "AdamW with other constants",
    { ...adam, name: "adamw", weightDecay: 0.2, momentum: 0.8, beta2: 0.95, epsilon: 1e-3 },
    [0.6617711186, -1.5993883609, 0.2365879864],
  ],
  [
    "Adadelta",
    { ...adam, name: "adadelta", learningRate: 1 },
    [0.9913713932037, -1.9962368011, 0.4986784458],
  ],
];

describe.each(["wasm", "cpu"])("Optimizer on %s", (backend) => {
  let weight: tf.Variable;
  let tensors: number;
  beforeAll(async () => {
    if (backend === "wasm") await useWasm();
    else await tf.setBackend(backend);
  });
  beforeEach(() => {
    tensors = tf.memory().numTensors;
    weight = tf.tidy(() => tf.variable(tf.tensor1d([1, -2, 0.5])));
  });
  afterEach(() => {
    weight.dispose();
    expect(tf.memory().numTensors).toBe(tensors);
  });

  const make = (settings: OptimizerSettings, decayed = true) =>
    new Optimizer(settings, new Map([["w", weight]]), new Set(decayed ? ["w"] : []));
  const steps = (optimizer: Optimizer, gradients: number[][]) => {
    for (const gradient of gradients)
      tf.tidy(() => optimizer.apply({ [weight.name]: tf.tensor1d(gradient) }, optimizerRate));
  };
  let optimizerRate = 0.1;

  it.each(PYTORCH)("steps as PyTorch's %s", (_, settings, expected) => {
    const optimizer = make(settings);
    optimizerRate = settings.learningRate;
    steps(optimizer, GRADIENTS);
    Array.from(weight.dataSync()).forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i], 6);
    });
    optimizer.dispose();
  });

  it.each(PYTORCH)("lets weights be that do not decay, with %s", (_, settings) => {
    optimizerRate = settings.learningRate;
    const result = (decayed: boolean, weightDecay: number): number[] => {
      tf.tidy(() => weight.assign(tf.tensor1d([1, -2, 0.5])));
      const optimizer = make({ ...settings, weightDecay }, decayed);
      steps(optimizer, GRADIENTS);
      optimizer.dispose();
      return Array.from(weight.dataSync());
    };
    expect(result(false, 0.1)).toEqual(result(true, 0));
    expect(result(true, 0.1)).not.toEqual(result(true, 0));
  });

  it.each(PYTORCH)("continues identically from its saved state, with %s", async (_, settings) => {
    optimizerRate = settings.learningRate;
    const whole = make(settings);
    steps(whole, GRADIENTS.slice(0, 2));
    const saved = new Map(await whole.save());
    const between = weight.dataSync().slice();
    steps(whole, GRADIENTS.slice(2));
    const expected = Array.from(weight.dataSync());
    tf.tidy(() => weight.assign(tf.tensor1d(between)));
    const resumed = make(settings);
    resumed.restore((name) => {
      const tensor = saved.get(name);
      if (!tensor) throw new Error(name);
      return tensor;
    });
    steps(resumed, GRADIENTS.slice(2));
    expect(Array.from(weight.dataSync())).toEqual(expected);
    whole.dispose();
    resumed.dispose();
  });
});
