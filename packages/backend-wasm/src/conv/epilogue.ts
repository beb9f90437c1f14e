// What is applied to the result of a convolution while it is in the cache.

import type * as tf from "@tensorflow/tfjs";
import { Activation } from "../layouts.ts";
import type { WasmState } from "../state.ts";

export interface Epilogue {
  /** One number per output channel. */
  bias?: tf.TensorInfo | undefined;
  activation: Activation;
  /** Of a leaky ReLU, for negative numbers. */
  slope: number;
}

export const NO_EPILOGUE: Epilogue = { activation: Activation.None, slope: 0 };

/** The last arguments of the kernels; `column` is the first of the result's. */
export function epilogueArguments(
  state: WasmState,
  { bias, activation, slope }: Epilogue,
  column = 0,
): [bias: number, activation: number, slope: number] {
  return [bias ? state.address(bias) + 4 * column : 0, activation, slope];
}
