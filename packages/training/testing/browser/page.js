// Trains a small network in the tab, with its checkpoints in the database that the address names, and writes into the page what
// it started from and ended with.

import { useWasm } from "@gmr-conv/backend-wasm";
import { evaluate, IndexedDbStorage, train } from "@gmr-conv/training";
import * as tf from "@tensorflow/tfjs";
import { classifier, discs } from "../../src/testing/discs.ts";

const result = document.querySelector("pre");
try {
  await useWasm({ threads: 1 });
  const model = classifier();
  const tensors = [];
  let start;
  await train({
    model,
    train: discs(96, 1),
    validation: discs(30, 2),
    settings: { epochs: 6, batchSize: 8, checkpointSeconds: 0.05 },
    storage: new IndexedDbStorage(new URLSearchParams(location.search).get("database")),
    onEvent: (event) => {
      if (event.type === "start") start = event.step;
      if (event.type === "checkpoint" && event.step > 8) result.id = "kept"; // the tab may be reloaded
      if (event.type === "progress") tensors.push(tf.memory().numTensors);
    },
  });
  const { upright, angles } = await evaluate(model, discs(60, 3), { rotations: 90 });
  result.textContent = JSON.stringify({
    start,
    weights: model.getWeights().map((weight) => Array.from(weight.dataSync())),
    accuracy: [upright.accuracy, ...angles.map(({ score }) => score)],
    tensors,
  });
} catch (error) {
  result.textContent = String(error?.stack ?? error);
}
result.id = "done";
