import * as tf from "@tensorflow/tfjs";
import { kernelsOf } from "../src/module.ts";

/** Size of the WebAssembly heap of the active backend, which `useWasm` has set up. */
export function heapBytes(): number {
  return kernelsOf(tf.backend()).floats(0, 1).buffer.byteLength;
}
