// As little as a user writes: no path to a .wasm file.

import { useWasm, wasmThreads } from "@gmr-conv/backend-wasm";
import * as tf from "@tensorflow/tfjs";
import { losses } from "./layer.js";

export async function run() {
  await useWasm({ threads: 2 });
  return { backend: tf.getBackend(), threads: wasmThreads(), losses: await losses() };
}
