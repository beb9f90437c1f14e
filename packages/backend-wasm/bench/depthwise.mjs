// Times a ring convolution of each channel by itself against the stock depthwise convolution of the same size, forward
// and forward+backward, on one thread by default. Both take turns, so that background load affects them alike; the best
// of all rounds counts, in milliseconds.
//
//   node bench/depthwise.mjs [--threads 1] [--rounds 30] [--kernels 3,5,7,9,11] [--shape 4,32,32,64]

import { parseArgs } from "node:util";
import { useWasm } from "@gmr-conv/backend-wasm";
import { gmrConv2d } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";

const { values: options } = parseArgs({
  options: {
    threads: { type: "string", default: "1" },
    rounds: { type: "string", default: "30" },
    kernels: { type: "string", default: "3,5,7,9,11" },
    shape: { type: "string", default: "4,32,32,64" },
  },
});

await useWasm({ threads: Number(options.threads) });
tf.env().set("PROD", true);
const shape = options.shape.split(",").map(Number);
const channels = shape[3];

for (const k of options.kernels.split(",").map(Number)) {
  const rings = Math.floor(k / 2) + 1;
  const x = tf.randomNormal(shape);
  const dy = tf.randomNormal(shape);
  const layers = {
    gmr: {
      compute: (image, w, logSigmas) =>
        gmrConv2d(image, w, { kernelSize: k, pad: "same", groups: channels, logSigmas }),
      inputs: [x, tf.randomNormal([rings, 1, channels]), tf.fill([rings], -0.5)],
    },
    stock: {
      compute: (image, kernel) => tf.depthwiseConv2d(image, kernel, 1, "same"),
      inputs: [x, tf.randomNormal([k, k, channels, 1])],
    },
  };
  for (const backward of [false, true]) {
    const once = ({ compute, inputs }) => (backward ? tf.grads(compute)(inputs, dy) : compute(...inputs));
    const best = { gmr: Number.POSITIVE_INFINITY, stock: Number.POSITIVE_INFINITY };
    for (let round = -2; round < Number(options.rounds); round++) {
      for (const [name, layer] of Object.entries(layers)) {
        tf.dispose(once(layer)); // uncounted: the caches hold the other's data
        const start = performance.now();
        tf.dispose(once(layer));
        if (round >= 0) best[name] = Math.min(best[name], performance.now() - start);
      }
    }
    console.log(
      `k=${k} ${backward ? "forward+backward" : "forward"}: gmr ${best.gmr.toFixed(2)}, ` +
        `stock ${best.stock.toFixed(2)}; stock/gmr ${(best.stock / best.gmr).toFixed(1)}`,
    );
  }
  tf.dispose([dy, layers.gmr.inputs, layers.stock.inputs]);
}
