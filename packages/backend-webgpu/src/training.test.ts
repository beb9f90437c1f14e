import { softmaxCrossEntropy } from "@gmr-conv/models/training";
import { adamWUpdate, fusedBatchNormalization, gmrConv2dLayer } from "@gmr-conv/tfjs";
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
    const model = tf.sequential({
      layers: [
        gmrConv2dLayer({ inputShape: [8, 8, 1], filters: 6, kernelSize: 5, padding: "same", seed: 1 }),
        fusedBatchNormalization({ relu: true }),
        gmrConv2dLayer({ filters: 8, kernelSize: 3, strides: 2, padding: "same", seed: 2 }),
        tf.layers.globalAveragePooling2d({}),
        tf.layers.dense({ units: 3, kernelInitializer: tf.initializers.glorotUniform({ seed: 3 }) }),
      ],
    });
    const x = tf.randomNormal([6, 8, 8, 1], 0, 1, "float32", 1);
    const labels = tf.tensor1d([0, 1, 2, 0, 1, 2], "int32");
    const weights = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
    const moments = weights.map(({ shape }) => [tf.variable(tf.zeros(shape)), tf.variable(tf.zeros(shape))]);
    const decay = { learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 };
    /** Reads the loss of every tenth step only: waiting for the device takes most of the time. */
    const step = async (number: number): Promise<number | undefined> => {
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
      const loss = number % 10 === 0 || number === 1 ? (await value.data())[0] : undefined;
      tf.dispose([value, grads]);
      return loss;
    };
    const first = (await step(1)) ?? 0;
    for (let i = 2; i <= 10; i++) await step(i);
    const { numTensors, numDataBuffers, numBytesInGPU } = memory();
    let last = first;
    for (let i = 11; i <= 500; i++) {
      const loss = await step(i);
      expect(memory()).toMatchObject({ numTensors, numDataBuffers });
      // What was disposed since the last wait for the device is not free yet.
      if (loss === undefined) continue;
      expect(memory().numBytesInGPU).toBe(numBytesInGPU);
      last = loss;
    }
    expect(last).toBeLessThan(0.05 * first);
    tf.dispose([x, labels, moments]);
    model.dispose();
  });
});
