// Backends by name.

import { useWasm } from "@gmr-conv/backend-wasm";
import { GmrError } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";

export const BACKENDS = ["wasm", "cpu"] as const;
export type BackendName = (typeof BACKENDS)[number];

/** Makes a backend the active one. @throws GmrError `unsupported` if it cannot start here */
export async function useBackend(name: BackendName): Promise<void> {
  tf.env().set("PROD", true);
  if (name === "wasm") await useWasm();
  else if (!(await tf.setBackend(name))) {
    throw new GmrError("unsupported", `the ${name} backend could not be started`);
  }
}
