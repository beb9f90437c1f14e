// The ring layer against the dense layer of the stock WebGPU backend, in turns: milliseconds of the best round.
//
//   node bench/ratios.mjs [rounds] [k,k,...]

import { createWebGpuBackend, useWebGpu } from "@gmr-conv/backend-webgpu";
import { gmrConv2d } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";

const [rounds = "5", sizes = "3,5,7,9,11"] = process.argv.slice(2);
const SHAPE = [4, 32, 32, 64];

// The stock kernels on a device of their own, before ours replace them.
tf.copyRegisteredKernels("webgpu", "stock");
const stock = await createWebGpuBackend();
tf.registerBackend("stock", () => stock);
await useWebGpu();

/** Milliseconds until one number of each result has arrived. */
async function time(compute) {
  const start = performance.now();
  const numbers = tf.tidy(() => compute().map((tensor) => tensor.flatten().slice(0, 1)));
  await Promise.all(numbers.map((tensor) => tensor.data()));
  tf.dispose(numbers);
  return performance.now() - start;
}

console.log(`x [${SHAPE}], 64 filters`);
for (const k of sizes.split(",").map(Number)) {
  const layers = [];
  for (const backend of ["webgpu", "stock"]) {
    await tf.setBackend(backend);
    const ring = backend === "webgpu";
    const x = tf.randomNormal(SHAPE, 0, 1, "float32", 1);
    const weights = tf.randomNormal([...(ring ? [(k + 1) / 2] : [k, k]), 64, 64], 0, 0.1, "float32", 2);
    const dy = tf.randomNormal(SHAPE, 0, 1, "float32", 3);
    const layer = (x, w) =>
      ring ? gmrConv2d(x, w, { kernelSize: k, pad: "same", strategy: "ring" }) : tf.conv2d(x, w, 1, "same");
    const passes = {
      forward: () => [layer(x, weights)],
      "forward+backward": () => {
        const { value, grads } = tf.valueAndGrads(layer)([x, weights], dy);
        return [value, ...grads];
      },
    };
    layers.push({ backend, passes, inputs: [x, weights, dy] });
  }
  for (const pass of ["forward", "forward+backward"]) {
    const best = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    // The first round, which compiles, does not count.
    for (let round = 0; round <= Number(rounds); round++) {
      for (const [i, { backend, passes }] of layers.entries()) {
        await tf.setBackend(backend);
        const ms = await time(passes[pass]);
        if (round > 0) best[i] = Math.min(best[i], ms);
      }
    }
    const [ring, dense] = best;
    console.log(
      `k = ${k}, ${pass}: ring ${ring.toFixed(1)} ms, dense ${dense.toFixed(1)} ms, ratio ${(dense / ring).toFixed(2)}`,
    );
  }
  for (const { inputs } of layers) tf.dispose(inputs);
}
process.exit();
