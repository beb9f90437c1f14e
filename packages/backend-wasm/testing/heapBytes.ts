import * as tf from "@tensorflow/tfjs";
import { wasm } from "../src/state.ts";

/** Size of the WebAssembly heap of the active backend, which `useWasm` has set up. */
export function heapBytes(): number {
  return wasm.stateOf(tf.backend()).floats(0, 1).buffer.byteLength;
}
