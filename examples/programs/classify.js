// Classify images of your own with a network that has only seen them upright. `fit` needs two tensors: images
// [N, H, W, C] with numbers from 0 to 1, and the number of each image's class.
// (From a folder of image files: loadDataset({ name: "folder", folder }) of @gmr-conv/data/node.)

import { useWasm } from "@gmr-conv/backend-wasm";
import { rotateImages } from "@gmr-conv/data";
import { resNet } from "@gmr-conv/models";
import { losses, metrics } from "@gmr-conv/models/training";
import * as tf from "@tensorflow/tfjs";

await useWasm(); // or useWebGpu of @gmr-conv/backend-webgpu, useNode of @gmr-conv/backend-node
const shape = [24, 24, 1];
const classNames = ["bar", "cross", "ring"];
const train = drawImages(240, 1);
const test = drawImages(120, 2);

const sizes = { depths: [1, 1], widths: [8, 16], kernelSizes: [9, 5] };
const model = resNet({ inputShape: shape, classes: 3, ...sizes, seed: 1 });
const [loss, accuracy] = [losses.softmaxCrossEntropy(), metrics.accuracy()];
model.compile({ optimizer: tf.train.adam(0.003), loss, metrics: [accuracy] });
await model.fit(train.images, train.labels, { epochs: 15, batchSize: 24, shuffle: false, verbose: 0 });

for (const angle of [0, 45, 90, 180]) {
  const turned = rotateImages(test.images.dataSync(), shape, angle); // black corners; { fill: 1 } for white ones
  const [, right] = model.evaluate(tf.tensor4d(turned, test.images.shape), test.labels);
  console.log(`turned by ${angle}°: ${(100 * right.dataSync()[0]).toFixed(0)} % right`);
}
const [answer] = model.predict(test.images.slice(0, 1)).argMax(-1).dataSync();
console.log(`the first image is a ${classNames[answer]}`);

/** Stands for your images: shapes at random places. */
function drawImages(count, seed) {
  const bar = (y, x) => Math.abs(y) < 1.5 && Math.abs(x) < 6;
  const shapes = [bar, (y, x) => bar(y, x) || bar(x, y), (y, x) => Math.abs(Math.hypot(y, x) - 5) < 1.2];
  const centres = tf.randomUniform([count, 2], 9, 14, "float32", seed).arraySync();
  const value = (n, i) => Number(shapes[n % 3](Math.floor(i / 24) - centres[n][0], (i % 24) - centres[n][1]));
  const pixels = Float32Array.from({ length: count * 576 }, (_, i) => value(Math.floor(i / 576), i % 576));
  const labels = tf.range(0, count, 1, "int32").mod(tf.scalar(3, "int32"));
  return { images: tf.tensor4d(pixels, [count, ...shape]), labels };
}
