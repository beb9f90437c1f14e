// Computes a layer and its gradients, and writes the results into the page.

import { useWasm, wasmRelaxedSimd, wasmThreads } from "@gmr-conv/backend-wasm";
import { gmrConv2d } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { layerNumbers } from "../layerNumbers.js";

const result = document.querySelector("pre");
try {
  const asked = new URLSearchParams(location.search);
  const wasmPaths = asked.get("wasmPaths") ?? undefined;
  await useWasm({ wasmPaths, threads: 2, relaxedSimd: asked.has("relaxed") });
  // The threads start in the background; wait for them so that they take part.
  await new Promise((resolve) => setTimeout(resolve, 1000));
  result.textContent = JSON.stringify({
    isolated: crossOriginIsolated,
    threads: wasmThreads(),
    relaxed: wasmRelaxedSimd(),
    numbers: layerNumbers(tf, gmrConv2d),
  });
} catch (error) {
  result.textContent = String(error?.stack ?? error);
}
result.id = "done";
