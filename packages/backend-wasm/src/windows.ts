// Window plans: what the kernels of pooling and of depthwise convolutions read.

import type { Size3 } from "@gmr-conv/tfjs";
import type { WasmState } from "./state.ts";

export interface Windows {
  channels: number;
  /** Output channels per input channel. Default 1. */
  multiplier?: number;
  inSize: Size3;
  outSize: Size3;
  filter: Size3;
  strides: Size3;
  /** Default 1. */
  dilations?: Size3;
  padBefore: Size3;
}

/** Copies a plan into scratch memory, and returns its address. */
export function placeWindows(state: WasmState, windows: Windows): number {
  const { channels, multiplier = 1, inSize, outSize, filter, strides, dilations = [1, 1, 1] } = windows;
  const sizes = [...inSize, ...outSize, channels, multiplier];
  // The fields of the class Windows of assembly/windows.ts, in order.
  return state.placeIntegers(
    Int32Array.of(...sizes, ...filter, ...strides, ...dilations, ...windows.padBefore),
  );
}
