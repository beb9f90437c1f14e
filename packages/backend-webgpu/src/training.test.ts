import { createModel, softmaxCrossEntropy } from "@gmr-conv/models";
import { adamWUpdate } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { isWebGpuMissing } from "../testing/webGpu.ts";

const missing = await isWebGpuMissing();

interface GpuMemory extends tf.MemoryInfo {
  numBytesInGPU: number;
}

const memory = (): GpuMemory => tf.memory() as GpuMemory;

describe.skipIf(missing)("training", () => {
  it("500 steps lower the loss, with tensors and bytes on the GPU constant after the first", async () => {
    const model = createModel("gmr-resnet18", {
      ...{ classes: 3, seed: 1, inputShape: [8, 8, 1] },
      ...{ depths: [1], widths: [4], kernelSizes: [5] },
    });
    const x = tf.randomNormal([6, 8, 8, 1], 0, 1, "float32", 1);
    const labels = tf.tensor1d([0, 1, 2, 0, 1, 2], "int32");
    const weights = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
    const moments = weights.map(({ shape }) => [tf.variable(tf.zeros(shape)), tf.variable(tf.zeros(shape))]);
    const decay = { learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 };
    const step = async (number: number): Promise<number> => {
      const { value, grads } = tf.variableGrads(
        () => softmaxCrossEntropy(model.apply(x, { training: true }) as tf.Tensor, labels) as tf.Scalar,
        weights,
      );
      for (const [i, weight] of weights.entries()) {
        const [first, second] = moments[i];
        const state = { ...decay, step: number };
        const [next, m, v] = adamWUpdate<tf.Tensor>(weight, grads[weight.name], first, second, state);
        weight.assign(next);
        first.assign(m);
        second.assign(v);
        tf.dispose([next, m, v]);
      }
      const [loss] = await value.data();
      tf.dispose([value, grads]);
      return loss;
    };
    const first = await step(1);
    for (let i = 2; i <= 5; i++) await step(i);
    const { numTensors, numDataBuffers, numBytesInGPU } = memory();
    let last = first;
    for (let i = 6; i <= 500; i++) {
      last = await step(i);
      expect(memory()).toMatchObject({ numTensors, numDataBuffers, numBytesInGPU });
    }
    expect(last).toBeLessThan(0.05 * first);
    tf.dispose([x, labels, moments]);
    model.dispose();
  });
});
