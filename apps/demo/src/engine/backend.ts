// Starting backends in a worker. Also for workers of panels of their own.

import { useWasm, wasmThreads } from "@gmr-conv/backend-wasm";
import { reasonOf } from "@gmr-conv/core";
import { registerLayers } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import type { BackendName, BackendState } from "./types.ts";

/**
 * Makes a backend the active one; if it does not start here, the next slower one, and says why.
 * @param onLost called with the reason when a GPU disappears
 */
export async function startBackend(
  wanted: BackendName,
  onLost?: (reason: string) => void,
): Promise<BackendState> {
  const names: BackendName[] =
    wanted === "webgpu" ? ["webgpu", "wasm", "cpu"] : wanted === "wasm" ? ["wasm", "cpu"] : ["cpu"];
  const problems: string[] = [];
  for (const name of names) {
    try {
      const state = await STARTERS[name](onLost);
      return { ...state, ...(problems.length > 0 && { notice: problems.join(" ") }) };
    } catch (error) {
      problems.push(`${LABELS[name]} does not work here: ${reasonOf(error)}.`);
    }
  }
  throw new Error(problems.join(" "));
}

const LABELS: Readonly<Record<BackendName, string>> = {
  wasm: "WebAssembly",
  webgpu: "WebGPU",
  cpu: "Plain JavaScript",
};

const STARTERS: Readonly<Record<BackendName, (onLost?: (reason: string) => void) => Promise<BackendState>>> =
  {
    async wasm() {
      await useWasm();
      const threads = wasmThreads();
      const alone = threads === 1 && (navigator.hardwareConcurrency ?? 1) > 1;
      if (!alone) return { name: "wasm", threads };
      const remark = crossOriginIsolated
        ? "one thread, since threads did not start here"
        : "one thread, since the page is not cross-origin isolated (a reload may change that)";
      return { name: "wasm", threads, remark };
    },
    async webgpu(onLost) {
      const { useWebGpu, webGpuAdapter } = await import("@gmr-conv/backend-webgpu");
      await useWebGpu(onLost && { onDeviceLost: onLost });
      return { name: "webgpu", threads: 1, adapter: webGpuAdapter().name };
    },
    async cpu() {
      await tf.setBackend("cpu");
      registerLayers();
      return { name: "cpu", threads: 1, remark: "works everywhere, many times slower than WebAssembly" };
    },
  };
