import { useWasm } from "@gmr-conv/backend-wasm";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { resNet } from "../resnet.ts";
import { unet } from "../unet.ts";
import { trainingOutputs } from "./runNodes.ts";

beforeAll(() => useWasm());

const MODELS: Record<string, () => tf.LayersModel> = {
  "a residual network": () =>
    resNet({
      inputShape: [8, 8, 2],
      classes: 3,
      widths: [4, 5],
      depths: [1, 1],
      kernelSizes: [3, 3],
      seed: 1,
    }),
  "a U-Net": () => unet({ inputShape: [32, 32, 1], classes: 2, features: [4, 4, 4, 4, 4, 4], seed: 1 }),
  "outputs made early and by identity": () => {
    const input = tf.input({ shape: [4] });
    const early = tf.layers.dense({ units: 3, kernelInitializer: "ones" }).apply(input) as tf.SymbolicTensor;
    const same = tf.layers.activation({ activation: "linear" }).apply(early) as tf.SymbolicTensor;
    const sum = tf.layers.add().apply([early, same]) as tf.SymbolicTensor;
    const squared = tf.layers.multiply().apply([sum, sum]) as tf.SymbolicTensor;
    return tf.model({ inputs: input, outputs: [early, squared] });
  },
  "masked sequences": () =>
    tf.sequential({
      layers: [
        tf.layers.masking({ maskValue: 0, inputShape: [3, 2] }),
        tf.layers.simpleRNN({ units: 2, kernelInitializer: "ones", recurrentInitializer: "ones" }),
      ],
    }),
};

describe("trainingOutputs", () => {
  it.each(Object.keys(MODELS))(
    "gives the outputs and gradients of a pass of the whole model: %s",
    async (name) => {
      const model = MODELS[name]();
      const x = tf.randomNormal([2, ...(model.inputs[0].shape.slice(1) as number[])], 0, 1, "float32", 3);
      const before = tf.memory().numTensors;
      const run = (outputsOf: () => tf.Tensor[]) => {
        // Moving averages change.
        const weights = model.getWeights().map((weight) => weight.clone());
        let outputs: tf.Tensor[] = [];
        const { value, grads } = tf.variableGrads(() => {
          outputs = outputsOf().map((output) => tf.keep(output.clone()));
          return tf.addN(outputs.map((output) => output.square().sum())) as tf.Scalar;
        });
        model.setWeights(weights);
        tf.dispose(weights);
        return [...outputs, value, ...Object.values(grads)];
      };
      const whole = run(() => [model.apply(x, { training: true }) as tf.Tensor | tf.Tensor[]].flat());
      const found = run(() => trainingOutputs(model, x));
      expect(found.map(({ shape }) => shape)).toEqual(whole.map(({ shape }) => shape));
      for (const [i, tensor] of found.entries()) {
        expect(Array.from(await tensor.data())).toEqual(Array.from(await whole[i].data()));
      }
      tf.dispose([whole, found]);
      expect(tf.memory().numTensors).toBe(before);
    },
  );

  it("holds less at the last layer than a pass of the whole model", () => {
    const model = MODELS["a residual network"]();
    const last = model.layers[model.layers.length - 1];
    const call = last.call.bind(last);
    let held = 0;
    last.call = (...args) => {
      held = tf.memory().numDataBuffers;
      return call(...args);
    };
    const x = tf.ones([2, 8, 8, 2]);
    const heldBy = (outputsOf: () => tf.Tensor): number => {
      tf.dispose(tf.variableGrads(() => outputsOf().sum()));
      return held;
    };
    const whole = heldBy(() => model.apply(x, { training: true }) as tf.Tensor);
    // What normalisation made for the sums: in one branch of the first block, in both of the second.
    expect(heldBy(() => trainingOutputs(model, x)[0])).toBeLessThanOrEqual(whole - 3);
  });
});
