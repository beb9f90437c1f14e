// Load weights that were trained with PyTorch, and export the network to ONNX:
// node checkpoint.js weights.pth model.onnx (or weights.safetensors)

import { useWasm } from "@gmr-conv/backend-wasm";
import { readWeights } from "@gmr-conv/io";
import { loadStateDict } from "@gmr-conv/io/layers";
import { readFileBytes, writeFileAtomically } from "@gmr-conv/io/node";
import { exportOnnx } from "@gmr-conv/io/onnx";
import { readOfficialNetwork } from "@gmr-conv/models/official";
import { createModel } from "@gmr-conv/models/registry";
import * as tf from "@tensorflow/tfjs";

const [input, output] = process.argv.slice(2);
await useWasm();
const { tensors, format } = readWeights(await readFileBytes(input), input); // nothing in the file is executed
console.log(`${format} file of ${tensors.size} tensors`);

// A network of the official package: its weights say which, apart from what is listed as assumed.
const { name, options, channels, assumed } = readOfficialNetwork(tensors);
const model = createModel(name, { ...options, inputShape: [64, 64, channels] });
console.log(`${name}, assumed: ${JSON.stringify(assumed)}`);
const { loaded } = loadStateDict(model, tensors); // throws unless all names and shapes fit
console.log(`${loaded.length} tensors loaded`);

const image = tf.randomNormal([1, 64, 64, channels], 0, 1, "float32", 1);
const logits = model.predict(image);
const mirrored = model.predict(image.reverse(2));
const difference = logits.sub(mirrored).abs().max().div(logits.abs().max()).dataSync()[0];
console.log(`logits [${logits.shape}], the same when mirrored: ${difference < 1e-5}`);

const onnx = await exportOnnx(model, { rings: "sums" }); // the smallest and fastest form
writeFileAtomically(output, onnx);
console.log(`${output}: ${Math.round(onnx.length / 1000)} kB`);
