import { useWasm } from "@gmr-conv/backend-wasm";
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import { resNet } from "../resnet.ts";
import { ExponentialMovingAverage } from "./movingAverage.ts";

describe.each(["wasm", "cpu"])("ExponentialMovingAverage on %s", (backend) => {
  let weight: tf.Variable;
  let tensors: number;
  const set = (value: number): void => tf.tidy(() => weight.assign(tf.tensor1d([value, -value])));
  const averaged = (average: ExponentialMovingAverage): Promise<number[]> =>
    average.withAverages(() => Array.from(weight.dataSync()));

  beforeAll(async () => {
    if (backend === "wasm") await useWasm();
    else await tf.setBackend(backend);
  });
  beforeEach(() => {
    tensors = tf.memory().numTensors;
    weight = tf.tidy(() => tf.variable(tf.tensor1d([1, -1])));
  });
  afterEach(() => {
    weight.dispose();
    expect(tf.memory().numTensors).toBe(tensors);
  });

  it.each([false, true])("follows the weights by the formula, with warm-up: %s", async (warmup) => {
    const average = new ExponentialMovingAverage(new Map([["a", weight]]), { decay: 0.3, warmup });
    let expected = 1;
    for (let t = 0; t < 8; t++) {
      const value = Math.sin(t);
      const decay = warmup ? Math.min(0.3, (1 + t) / (10 + t)) : 0.3;
      expected = decay * expected + (1 - decay) * value;
      set(value);
      average.update();
    }
    const [a, b] = await averaged(average);
    expect(a).toBeCloseTo(expected, 6);
    expect(b).toBe(-a);
    expect(Array.from(weight.dataSync())).toEqual([Math.fround(Math.sin(7)), -Math.fround(Math.sin(7))]);
    average.dispose();
  });

  it("continues identically from what it saved", async () => {
    const whole = new ExponentialMovingAverage(new Map([["a", weight]]), { decay: 0.9 });
    for (const value of [3, 5]) {
      set(value);
      whole.update();
    }
    const saved = whole.save();
    expect(Object.keys(saved)).toEqual(["a", "steps"]);
    const resumed = new ExponentialMovingAverage(new Map([["a", weight]]), { decay: 0.9 });
    await resumed.load(saved);
    tf.dispose(saved);
    set(7);
    whole.update();
    resumed.update();
    expect(await averaged(resumed)).toEqual(await averaged(whole));
    whole.dispose();
    resumed.dispose();
  });

  it("restores the weights when an action fails, and when it is disposed of", async () => {
    const average = new ExponentialMovingAverage(new Map([["a", weight]]), { decay: 0.5, warmup: false });
    set(3);
    average.update();
    const fail = () => {
      expect(weight.dataSync()[0]).toBe(2);
      throw new Error("on purpose");
    };
    await expect(average.withAverages(fail)).rejects.toThrow("on purpose");
    expect(weight.dataSync()[0]).toBe(3);
    average.apply();
    expect(weight.dataSync()[0]).toBe(2);
    average.dispose();
    expect(weight.dataSync()[0]).toBe(3);
  });

  it("averages all weights of a model, including the statistics of its norms", async () => {
    const model = resNet({
      inputShape: [8, 8, 1],
      classes: 2,
      depths: [1],
      widths: [2],
      kernelSizes: [3],
      seed: 1,
    });
    const average = new ExponentialMovingAverage(model, { decay: 0.5, warmup: false });
    const x = tf.randomNormal([4, 8, 8, 1], 5, 1, "float32", 1);
    const before = tf.memory().numTensors;
    const statistics = model.getLayer("bn1").weights[2].read();
    tf.dispose(model.apply(x, { training: true }) as tf.Tensor);
    const moved = Array.from(statistics.dataSync());
    average.update();
    expect(tf.memory().numTensors).toBe(before);
    await average.withAverages(() => {
      Array.from(statistics.dataSync()).forEach((value, i) => {
        expect(value).toBeCloseTo(moved[i] / 2, 6);
      });
    });
    expect(moved.every((value) => Math.abs(value) > 1e-3)).toBe(true);
    const saved = average.save();
    expect(Object.keys(saved)).toContain("layer1.0.conv1/half_white_weights");
    tf.dispose([saved, x]);
    average.dispose();
    model.dispose();
  });

  it("rejects what does not fit", async () => {
    const map = new Map([["a", weight]]);
    const make = (decay: number) => () => new ExponentialMovingAverage(map, { decay });
    await expectGmrError(make(1), "invalid-argument", "decay must lie in [0, 1), got 1");
    const average = make(0.9)();
    await expectGmrError(
      () => average.restore(),
      "invalid-argument",
      "restore needs applied averages, got none",
    );
    average.apply();
    for (const action of ["update", "apply", "save"] as const) {
      await expectGmrError(
        () => average[action](),
        "invalid-argument",
        `${action} needs the weights in place, got averages: restore first`,
      );
    }
    average.restore();
    const wrong = { a: tf.zeros([3]), steps: tf.scalar(1, "int32") };
    await expectGmrError(() => average.load(wrong), "invalid-data", "average a must have shape [2], got [3]");
    await expectGmrError(
      () => average.load({}),
      "invalid-data",
      "average a must have shape [2], got nothing",
    );
    tf.dispose(wrong);
    average.dispose();
  });
});
