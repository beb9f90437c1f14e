// One process of a training of several: trains a small network, evaluates it, and lets rank 0 print what came of it as
// JSON. Run by mpirun, or alone.

import { createHash } from "node:crypto";
import { useWasm } from "@gmr-conv/backend-wasm";
import { Random } from "@gmr-conv/core";
import { datasetOf } from "@gmr-conv/data";
import { singleProcess } from "@gmr-conv/distributed";
import { openMpi, startedByMpi } from "@gmr-conv/distributed/mpi";
import { createModel } from "@gmr-conv/models/registry";
import { evaluate, modelVariables, train } from "@gmr-conv/training";
import { FileStorage } from "@gmr-conv/training/node";
import * as tf from "@tensorflow/tfjs";

const {
  settings,
  storage,
  stopAt,
  evaluation = {},
  count = 96,
  timeout,
} = JSON.parse(process.argv[2] ?? "{}");
tf.env().set("PROD", true);
await useWasm({ threads: 1 });
const communicator = startedByMpi() ? await openMpi({ timeout }) : singleProcess();

const random = new Random(5);
const [size, classes] = [12, 3];
const labels = Int32Array.from({ length: count }, (_, n) => n % classes);
const images = Uint8Array.from({ length: count * size * size }, (_, i) => {
  const label = labels[Math.floor(i / (size * size))];
  const [row, column] = [Math.floor(i / size) % size, i % size];
  const wave = Math.sin((label + 1) * Math.hypot(row - size / 2, column - size / 2));
  return Math.max(0, Math.min(255, 128 + 60 * wave + 50 * random.normal()));
});
const set = datasetOf({
  name: "waves",
  count,
  shape: [size, size, 1],
  classNames: ["a", "b", "c"],
  images,
  labels,
});
// Another start on each rank: that of rank 0 counts.
const model = createModel("gmr-resnet18", {
  inputShape: [size, size, 1],
  classes,
  depths: [1, 1],
  widths: [8, 12],
  strides: [1, 2],
  kernelSizes: [5, 5],
  seed: 1 + communicator.rank,
});
let steps = 0;
const events = [];
let interrupted;
const result = await train({
  model,
  train: set,
  validation: set,
  settings,
  communicator,
  name: "net",
  ...(storage && { storage: new FileStorage(storage) }),
  onEvent(event) {
    if (event.type === "progress") steps = event.step;
    if (event.type === "progress" || event.type === "validation") events.push(event);
  },
  signal: {
    get aborted() {
      return stopAt !== undefined && communicator.rank === stopAt.rank && steps >= stopAt.step;
    },
  },
}).catch((error) => {
  if (error.code !== "interrupted") throw error;
  interrupted = error.message;
});
const evaluated = interrupted
  ? undefined
  : await evaluate(model, set, { rotations: 90, ...evaluation, communicator });
const weights = {};
for (const [name, variable] of modelVariables(model)) weights[name] = Array.from(await variable.data());
const digest = createHash("sha256").update(JSON.stringify(weights)).digest("hex");
const digests = await communicator.gather(new TextEncoder().encode(digest));
if (communicator.rank === 0) {
  const alike = new Set(digests.map((bytes) => new TextDecoder().decode(bytes))).size === 1;
  const tensors = tf.memory().numTensors;
  const { seconds: _, ...evaluation } = evaluated ?? {};
  console.log(JSON.stringify({ weights, alike, result, events, evaluation, interrupted, tensors }));
}
await communicator.close();
