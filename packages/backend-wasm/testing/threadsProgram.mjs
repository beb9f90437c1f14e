// Trains a small network for some steps and prints a digest of all numbers; run with GMR_THREADS set.

import { createHash } from "node:crypto";
import { disposeThreads, useWasm, wasmRelaxedSimd, wasmThreads } from "@gmr-conv/backend-wasm";
import { adamWUpdate, addRelu, batchNormTraining, gmrConv2d } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";

// Without top-level await, so that it can be bundled into CommonJS.
async function main() {
  await useWasm(process.argv.includes("strict") ? { relaxedSimd: false } : {});
  // The threads start in the background; wait for them so that they take part.
  await new Promise((resolve) => setTimeout(resolve, 500));
  const digest = createHash("sha256");
  const note = (...tensors) => {
    for (const tensor of tensors) digest.update(tensor.dataSync());
  };
  for (const [n, side, cin, cout, k, strides] of [
    [4, 32, 64, 64, 9, 1],
    [3, 17, 33, 37, 5, 1],
    [8, 14, 16, 24, 5, 2],
    [1, 100, 3, 8, 11, 1],
    [5, 2, 256, 128, 9, 1],
    [1, 5, 300, 600, 3, 1],
  ]) {
    const x = tf.randomNormal([n, side, side, cin], 0, 1, "float32", 1);
    const weights = tf.randomNormal([(k >> 1) + 1, cin, cout], 0, 0.1, "float32", 2);
    const logSigmas = tf.fill([(k >> 1) + 1], -0.4);
    const gamma = tf.randomNormal([cout], 1, 0.1, "float32", 3);
    const beta = tf.randomNormal([cout], 0, 0.1, "float32", 4);
    const f = (...args) => {
      const y = gmrConv2d(args[0], args[1], { kernelSize: k, pad: "same", strides, logSigmas: args[2] });
      const z = batchNormTraining(y, args[3], args[4], 1e-5, true).y;
      return tf.avgPool(addRelu(z, y), 2, 1, "same").square();
    };
    const inputs = [x, weights, logSigmas, gamma, beta];
    note(f(...inputs), ...tf.grads(f)(inputs));
    const kernel = tf.randomNormal([3, 3, cin, cout], 0, 0.1, "float32", 5);
    note(...tf.grads((a, b) => tf.conv2d(a, b, strides, "same").square())([x, kernel]));
    const point = tf.randomNormal([1, 1, cin, cout], 0, 0.1, "float32", 7);
    note(tf.fused.conv2d({ x, filter: point, strides: 1, pad: "same", bias: gamma, activation: "relu" }));
    note(...tf.grads((a, b) => tf.conv2d(a, b, 1, "same").square())([x, point]));
    const rows = (a, ...vectors) => {
      const [mean, scale] = vectors;
      const y = tf.batchNorm(
        tf.concat([a, a.square()], 3).slice([0, 0, 0, cin], a.shape),
        mean,
        scale,
        mean,
        scale,
      );
      const [left, right] = tf.split(tf.concat([tf.leakyRelu(y.add(mean), 0.1), a], 3), 2, 3);
      return tf.image.resizeBilinear(left.mul(right), [side + 7, 2 * side], true);
    };
    const vectors = [7, 8].map((seed) => tf.randomUniform([cin], 1, 2, "float32", seed));
    note(rows(x, ...vectors), ...tf.grads(rows)([x, ...vectors]));
    const columns = Math.floor(x.size / 5);
    const long = x
      .reshape([-1])
      .slice(0, 5 * columns)
      .reshape([5, columns]);
    note(tf.matMul(tf.randomNormal([5, 5], 0, 1, "float32", 9), long, true));
    const depthwise = tf.randomNormal([(k >> 1) + 1, 1, cin], 0, 0.1, "float32", 6);
    const byChannel = { kernelSize: k, pad: "same", strides, groups: cin };
    note(...tf.grads((a, b) => gmrConv2d(a, b, byChannel).square())([x, depthwise]));
    const groups = [8, 7, 5, 4, 3, 2].find((count) => cin % count === 0) ?? 1;
    const inGroups = { ...byChannel, groups };
    const grouped = tf.randomNormal([(k >> 1) + 1, cin / groups, 3 * groups], 0, 0.1, "float32", 10);
    note(...tf.grads((a, b) => gmrConv2d(a, b, inGroups).square())([x, grouped]));
    const update = { learningRate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1, step: 3 };
    note(...adamWUpdate(x, x.square(), x.mul(0.5), x.square(), update));
  }
  const relaxed = wasmRelaxedSimd();
  console.log(JSON.stringify({ threads: wasmThreads(), relaxed, digest: digest.digest("hex") }));
  if (process.argv[2] === "dispose") {
    disposeThreads();
    console.log(JSON.stringify({ threads: wasmThreads() }));
  }
}

main();
