// The names of the backends, without the backends: those of @gmr-conv/backends, which loads TensorFlow.js.

import type { BACKEND_NAMES as ALL, BackendName } from "@gmr-conv/backends";

/** In the order of preference. */
export const BACKEND_NAMES: typeof ALL = ["node", "webgpu", "wasm", "cpu"];

/** `auto` is the first that works here. */
export const BACKENDS = ["auto", ...BACKEND_NAMES] as const;
export type BackendChoice = "auto" | BackendName;
