// Trains a small network for 500 steps and prints as JSON: the losses before and after, and, at some steps, the tensor
// counts of the engine and of the native library, and the process's memory in MiB. Run with --expose-gc.

import { useNode } from "@gmr-conv/backend-node";
import { createModel } from "@gmr-conv/models/registry";
import { softmaxCrossEntropy } from "@gmr-conv/models/training";
import { sgdUpdate } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";

await useNode({ cache: false });
const model = createModel("gmr-resnet18", {
  ...{ classes: 3, seed: 1, inputShape: [16, 16, 3] },
  ...{ depths: [1, 1], widths: [8, 16], kernelSizes: [9, 5] },
});
const x = tf.randomNormal([16, 16, 16, 3], 0, 1, "float32", 1);
const classes = Array.from({ length: 16 }, (_, i) => i % 3);
const labels = tf.tensor1d(classes, "int32");
const weights = model.trainableWeights.map((weight) => weight.read());
const velocities = weights.map(({ shape }) => tf.variable(tf.zeros(shape)));
const settings = { learningRate: 0.02, momentum: 0.9, weightDecay: 1e-4 };

async function step() {
  const loss = tf.tidy(() => {
    const lossOf = () => softmaxCrossEntropy(model.apply(x, { training: true }), labels);
    const { value, grads } = tf.variableGrads(lossOf, weights);
    for (const [i, weight] of weights.entries()) {
      const [next, velocity] = sgdUpdate(weight, grads[weight.name], velocities[i], settings);
      weight.assign(next);
      velocities[i].assign(velocity);
    }
    return value;
  });
  const [value] = await loss.data();
  loss.dispose();
  return value;
}

const result = { losses: [], tensors: [], native: [], megabytes: [] };
for (let i = 0; i <= 500; i++) {
  const loss = await step();
  if (i % 20 === 0) globalThis.gc();
  if (i === 0 || i === 500) result.losses.push(loss);
  if (i < 200 || i % 100 > 0) continue;
  result.tensors.push(tf.memory().numTensors);
  result.native.push(tf.backend().binding.getNumOfTensors());
  result.megabytes.push(Math.round(process.memoryUsage.rss() / 2 ** 20));
}
console.log(JSON.stringify(result));
