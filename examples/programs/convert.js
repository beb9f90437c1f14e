// Make a trained layers model give the same answer for turned images: convertToGmr replaces its convolutions, keeps
// everything else, and starts from the ring weights nearest to the old kernels. Then finetune.

import { useWasm } from "@gmr-conv/backend-wasm";
import { convertToGmr, formatConversion } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";

await useWasm();
const conv = { padding: "same", activation: "relu" };
const model = tf.sequential({
  layers: [
    tf.layers.conv2d({ ...conv, filters: 8, kernelSize: 5, name: "first", inputShape: [16, 16, 1] }),
    tf.layers.maxPooling2d({ poolSize: 2 }),
    tf.layers.conv2d({ ...conv, filters: 16, kernelSize: 3, name: "second" }),
    tf.layers.globalAveragePooling2d({ dataFormat: "channelsLast" }),
    tf.layers.dense({ units: 2, activation: "softmax" }),
  ],
}); // or await tf.loadLayersModel(…)

// Coarse and fine stripes, all of them level.
const labels = tf.range(0, 64).mod(2);
const frequencies = labels.add(1).mul(0.7).reshape([64, 1]);
const rows = frequencies.mul(tf.range(0, 16)); // [64, 16]
const shifted = rows.add(tf.randomUniform([64, 1], 0, 6, "float32", 1));
const images = shifted.sin().reshape([64, 16, 1, 1]).tile([1, 1, 16, 1]);
const turned = images.transpose([0, 2, 1, 3]);

await train("old", model);
const { model: gmr, report, obstacles } = convertToGmr(model, { weights: "project" });
console.log(formatConversion(report, obstacles));
await train("converted", gmr);

async function train(name, network) {
  const loss = "sparseCategoricalCrossentropy"; // the model ends in a softmax; else losses of @gmr-conv/models
  network.compile({ optimizer: tf.train.adam(0.01), loss, metrics: ["accuracy"] });
  await network.fit(images, labels, { epochs: 20, verbose: 0 });
  const percent = (x) => `${(100 * network.evaluate(x, labels)[1].dataSync()[0]).toFixed(0)} %`;
  console.log(`${name}: upright ${percent(images)}, turned ${percent(turned)}`);
}
