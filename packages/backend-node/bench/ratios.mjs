// Times each strategy of the GMR convolution against a dense layer of the same size on libtensorflow, forward and
// forward+backward. Contenders take turns, so that background load affects all alike; the best of all rounds counts, in
// milliseconds.
//
//   node bench/ratios.mjs [--threads 2] [--rounds 30] [--kernels 3,5,7,9,11] [--shape 4,32,32,64,64] [--tune]

import { parseArgs } from "node:util";
import { tuneNode, useNode } from "@gmr-conv/backend-node";
import { gmrConv2d } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";

const { values: options } = parseArgs({
  options: {
    threads: { type: "string", default: "2" },
    rounds: { type: "string", default: "30" },
    kernels: { type: "string", default: "3,5,7,9,11" },
    shape: { type: "string", default: "4,32,32,64,64" },
    tune: { type: "boolean", default: false },
  },
});

await useNode({ threads: Number(options.threads), cache: false });
tf.env().set("PROD", true);
const [batch, height, width, cin, cout] = options.shape.split(",").map(Number);

for (const k of options.kernels.split(",").map(Number)) {
  const rings = Math.floor(k / 2) + 1;
  const x = tf.randomNormal([batch, height, width, cin]);
  const weights = tf.randomNormal([rings, cin, cout]);
  const logSigmas = tf.fill([rings], -0.5);
  const kernel = tf.randomNormal([k, k, cin, cout]);
  const dy = tf.randomNormal([batch, height, width, cout]);
  const gmr = (strategy) => ({
    compute: (image, w, s) => gmrConv2d(image, w, { kernelSize: k, pad: "same", logSigmas: s, strategy }),
    inputs: [x, weights, logSigmas],
  });
  const layers = {
    dense: { compute: (image, filter) => tf.conv2d(image, filter, 1, "same"), inputs: [x, kernel] },
    "gmr ring": gmr("ring"),
    "gmr dense": gmr("dense"),
    "gmr auto": gmr("auto"),
  };
  for (const backward of [false, true]) {
    const once = ({ compute, inputs }) => (backward ? tf.grads(compute)(inputs, dy) : compute(...inputs));
    if (options.tune) await tuneNode(() => once(layers["gmr auto"]), { again: true, repeats: 8 });
    const times = Object.keys(layers).map(() => []);
    for (let round = -2; round < Number(options.rounds); round++) {
      for (const [i, layer] of Object.values(layers).entries()) {
        const start = performance.now();
        // CPU ops of libtensorflow are finished when their calls return.
        tf.dispose(once(layer));
        if (round >= 0) times[i].push(performance.now() - start);
      }
    }
    const best = times.map((list) => Math.min(...list));
    const columns = Object.keys(layers).map((name, i) => `${name} ${best[i].toFixed(2)}`);
    const [dense, ring, folded, auto] = best;
    console.log(
      `k=${k} ${backward ? "forward+backward" : "forward"}: ${columns.join(", ")}; ` +
        `dense/ring ${(dense / ring).toFixed(2)}, auto/best ${(auto / Math.min(ring, folded)).toFixed(2)}`,
    );
  }
  tf.dispose([x, weights, logSigmas, kernel, dy]);
}
