// Convolutions in groups, by one kernel against group by group, in turns: milliseconds of the best round.
//
//   node bench/groups.mjs [--threads 1] [--rounds 30] [--kernels 3,5,9] [--groups 2,4,8,16,32] [--shape 4,32,32,64]

import { parseArgs } from "node:util";
import { useWasm, wasmThreads } from "@gmr-conv/backend-wasm";
import { gmrConv2d } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";

const { values: options } = parseArgs({
  options: {
    threads: { type: "string", default: "1" },
    rounds: { type: "string", default: "30" },
    kernels: { type: "string", default: "3,5,9" },
    groups: { type: "string", default: "2,4,8,16,32" },
    shape: { type: "string", default: "4,32,32,64" },
  },
});
const numbers = (text) => text.split(",").map(Number);

await useWasm({ threads: Number(options.threads) });
// Threads start in the background.
await new Promise((resolve) => setTimeout(resolve, 500));
const kernels = ["", "BackpropInput", "BackpropFilter"].map((use) =>
  tf.getKernel(`GroupedRingConv${use}`, "wasm"),
);
const shape = numbers(options.shape);
const channels = shape[shape.length - 1];
console.log(`x [${shape}], ${channels} filters, ${wasmThreads()} thread(s)`);

function time(compute) {
  const start = performance.now();
  const tensors = tf.tidy(compute);
  const ms = performance.now() - start;
  tf.dispose(tensors);
  return ms;
}

for (const k of numbers(options.kernels)) {
  for (const groups of numbers(options.groups)) {
    const x = tf.randomNormal(shape);
    const weights = tf.randomNormal([(k + 1) / 2, channels / groups, channels]);
    const layer = (image, w) => gmrConv2d(image, w, { kernelSize: k, pad: "same", groups });
    const dy = layer(x, weights);
    const passes = {
      forward: () => [layer(x, weights)],
      "forward+backward": () => tf.grads(layer)([x, weights], dy),
    };
    for (const [pass, compute] of Object.entries(passes)) {
      let [atOnce, each] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
      for (let round = 0; round < Number(options.rounds); round++) {
        atOnce = Math.min(atOnce, time(compute));
        for (const { kernelName, backendName } of kernels) tf.unregisterKernel(kernelName, backendName);
        each = Math.min(each, time(compute));
        for (const kernel of kernels) tf.registerKernel(kernel);
      }
      const ratio = (each / atOnce).toFixed(2);
      console.log(
        `k = ${k}, ${groups} groups, ${pass}: ${atOnce.toFixed(2)} ms, group by group ${each.toFixed(2)} ms, ratio ${ratio}`,
      );
    }
    tf.dispose([x, weights, dy]);
  }
}
