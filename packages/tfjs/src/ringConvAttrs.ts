import type * as tf from "@tensorflow/tfjs";

/** The geometry that the three ring convolution kernels share; one entry per spatial axis. */
export interface RingConvAttrs extends tf.NamedAttrMap {
  kernelSize: number[];
  /** Ring of each kernel position, row-major; -1 for none. Symmetric under reflection in every axis. */
  ringIndex: number[];
  /** Number of weight matrices L. */
  numRings: number;
  strides: number[];
  dilations: number[];
  /** Zeros before the first pixel. Those after the last one follow from `outputSize`. */
  padBefore: number[];
  inputSize: number[];
  outputSize: number[];
}
