// How an application may start backends: several at once, since its parts do not know of each other.

import { useWasm, wasmThreads } from "@gmr-conv/backend-wasm";
import { selectBackend } from "@gmr-conv/backends";
import { gmrConv2d } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";

const wasm = { threads: 2 };

export async function startAll() {
  const warnings = [];
  const { warn } = console;
  console.warn = (...texts) => warnings.push(texts.join(" "));
  const begun = performance.now();
  const select = () => selectBackend(["wasm", "cpu"], { wasm }).then(({ backend }) => backend, textOf);
  const started = await Promise.all([select(), useWasm(wasm).then(() => "wasm", textOf), select()]);
  const seconds = (performance.now() - begun) / 1000;
  console.warn = warn;
  const threads = tf.getBackend() === "wasm" ? wasmThreads() : 0;
  const ones = tf.ones([1, 5, 5, 2]);
  const [sum] = await gmrConv2d(ones, tf.ones([2, 2, 1]), { kernelSize: 3 })
    .sum()
    .data();
  return { started, backend: tf.getBackend(), threads, sum, seconds, warnings };
}

const textOf = (error) => `${error.code}: ${error.message}`;
