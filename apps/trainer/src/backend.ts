// Backends by name.

import { useWasm, wasmThreads } from "@gmr-conv/backend-wasm";
import { GmrError } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";

export const BACKENDS = ["wasm", "cpu"] as const;
export type BackendName = (typeof BACKENDS)[number];

/**
 * Makes a backend the active one.
 * @param threads for wasm; default: GMR_THREADS, else all processors
 * @throws GmrError `unsupported` if it cannot start here
 */
export async function useBackend(name: BackendName, threads?: number): Promise<void> {
  tf.env().set("PROD", true);
  if (name === "wasm") await useWasm({ threads });
  else if (!(await tf.setBackend(name))) {
    throw new GmrError("unsupported", `the ${name} backend could not be started`);
  }
}

/** Threads that the active backend computes with. */
export function activeThreads(): number {
  return tf.getBackend() === "wasm" ? wasmThreads() : 1;
}
