import { gmrConv2dLayer, registerLayers } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { expect, it } from "vitest";
import { learnedKernels } from "./learnedKernels.ts";

it.each(["rings", "halfWhite", "white"] as const)(
  "shows what a layer computes, whatever it trains: %s",
  async (ringBasis) => {
    registerLayers();
    const input = tf.input({ shape: [5, 5, 1] });
    const layer = gmrConv2dLayer({ filters: 2, kernelSize: 5, padding: "same", ringBasis, useBias: false });
    const model = tf.model({ inputs: input, outputs: layer.apply(input) as tf.SymbolicTensor });
    // The answer to a single bright pixel in the middle is the kernel.
    const response = tf.tidy(() => {
      const image = tf.oneHot(12, 25).cast("float32").reshape<tf.Tensor4D>([1, 5, 5, 1]);
      return (model.predict(image) as tf.Tensor4D).slice([0, 0, 0, 1], [1, 5, 5, 1]).flatten();
    });
    const expected = Array.from(await response.data());
    const before = tf.memory().numTensors;
    const [{ pictures, sigmas }] = await learnedKernels(model);
    expect(tf.memory().numTensors).toBe(before);
    const scale = Math.max(...expected.map(Math.abs));
    const largest = Math.max(...pictures[1].values.map(Math.abs));
    pictures[1].values.forEach((value, i) => {
      expect(value / largest).toBeCloseTo(expected[i] / scale, 5);
    });
    expect(sigmas).toHaveLength(3);
    expect(await learnedKernels(model, [layer.name])).toHaveLength(1);
    expect(await learnedKernels(model, ["another"])).toEqual([]);
  },
);
