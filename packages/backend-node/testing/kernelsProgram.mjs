// Checks the kernels of one instruction set with the conformance suite, and prints as JSON what failed and the bits that
// a training step gives. The environment chooses: GMR_INSTRUCTIONS, TF_NUM_INTRAOP_THREADS.

import { nodeDevice, useNode } from "@gmr-conv/backend-node";
import { createModel } from "@gmr-conv/models/registry";
import { softmaxCrossEntropy } from "@gmr-conv/models/training";
import { conformanceCases } from "@gmr-conv/tfjs/conformance";
import * as tf from "@tensorflow/tfjs";

const [randomCases] = process.argv.slice(2).map(Number);
await useNode({ cache: false });
const failures = [];
if (randomCases > 0) {
  for (const { name, run } of conformanceCases({ randomCases })) {
    try {
      await run();
    } catch (error) {
      failures.push(`${name}: ${error.message}`);
    }
  }
}

const model = createModel("gmr-resnet18", {
  ...{ classes: 3, seed: 1, inputShape: [40, 40, 3] },
  ...{ depths: [1, 1], widths: [20, 36], kernelSizes: [9, 5] },
});
const x = tf.randomNormal([8, 40, 40, 3], 0, 1, "float32", 1);
const labels = tf.tensor1d([0, 1, 2, 0, 1, 2, 0, 1], "int32");
const weights = model.trainableWeights.map((weight) => weight.read());
const lossOf = () => softmaxCrossEntropy(model.apply(x, { training: true }), labels);
const { value, grads } = tf.variableGrads(lossOf, weights);
const convolutions = weights.filter(({ shape }) => shape.length === 3).map(({ name }) => grads[name]);
const bits = [value, ...convolutions].map((tensor) =>
  new Int32Array(tensor.dataSync().slice().buffer).reduce((sum, word) => (Math.imul(sum, 31) + word) | 0, 0),
);
console.log(JSON.stringify({ instructions: nodeDevice().kernels, failures, bits }));
