// Look at what a network has learned, ring by ring, draw its kernels, and take a layer out as an ordinary convolution:
// node rings.js kernels.svg

import { writeFileSync } from "node:fs";
import { useWasm } from "@gmr-conv/backend-wasm";
import { loadPretrained } from "@gmr-conv/models";
import { learnedKernels } from "@gmr-conv/models/inspect";
import * as tf from "@tensorflow/tfjs";

await useWasm();
const model = await loadPretrained("gmr-mnist"); // or readLayersModel of @gmr-conv/io/node, tf.loadLayersModel …
const conv = model.getLayer("conv1");
const { kernel, rings } = conv.foldedConv(); // kernel [5, 5, Cin, Cout]; the ring of each position
console.log(`rings:\n${[0, 5, 10, 15, 20].map((i) => rings.index.slice(i, i + 5).join(" ")).join("\n")}`);

const layers = await learnedKernels(model); // up to 8 kernels of each layer, and the widths of its Gaussians
for (const { layer, sigmas } of layers) {
  const mixed = model.getLayer(layer).foldedConv().rings.weights(); // [R, Cin, Cout]: along the radius
  const strength = [...mixed.square().mean([1, 2]).sqrt().dataSync()];
  const bars = strength.map((value) => "▁▂▃▄▅▆▇█"[Math.round((7 * value) / Math.max(...strength))]);
  const widths = sigmas.map((sigma) => sigma.toFixed(2)).join(" ");
  console.log(`${layer.padEnd(16)} centre ${bars.join("")} edge, widths ${widths}`);
}

const squares = layers.flatMap(({ pictures }, row) =>
  pictures.flatMap(({ width, values }, column) => {
    const grey = (value) => 50 + (50 * value) / Math.max(...values.map(Math.abs)); // black below 0, white above
    const place = (i) => `x="${6 * column + (i % width)}" y="${6 * row + Math.floor(i / width)}"`;
    return values.map((v, i) => `<rect ${place(i)} width="1" height="1" fill="hsl(0 0% ${grey(v)}%)"/>`);
  }),
);
const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 ${6 * layers.length}">`;
writeFileSync(process.argv[2], `${head}${squares.join("\n")}</svg>\n`);

const stock = tf.layers.conv2d({ filters: conv.filters, kernelSize: 5, padding: "same", useBias: false });
const image = tf.randomUniform([1, 28, 28, 1], 0, 1, "float32", 1);
stock.build(image.shape);
stock.setWeights([kernel]); // conv1 has no bias
const off = stock.apply(image).sub(conv.apply(image)).abs().max().dataSync()[0];
console.log(`conv1 as an ordinary convolution: ${off < 1e-5 ? "the same answers" : `off by ${off}`}`);
