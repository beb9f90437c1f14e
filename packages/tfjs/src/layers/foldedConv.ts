// What a GMR convolution layer amounts to: an ordinary convolution, for export.

import type { Pad, PadMode, Rank } from "@gmr-conv/core";
import type * as tf from "@tensorflow/tfjs";

/** An ordinary convolution with the options of PyTorch's, and its numbers. */
export interface FoldedConv {
  readonly rank: Rank;
  readonly transposed: boolean;
  /** [...k, Cin/groups, Cout]; transposed: [...k, Cout/groups, Cin]. The caller disposes it. */
  readonly kernel: tf.Tensor;
  /** [Cout]. The caller disposes it. */
  readonly bias: tf.Tensor1D | undefined;
  readonly kernelSize: readonly number[];
  readonly strides: readonly number[];
  /** As given: `convGeometry` of `@gmr-conv/core` turns it into numbers. */
  readonly pad: Pad;
  readonly padMode: PadMode;
  readonly dilations: readonly number[];
  readonly groups: number;
  /** Of a transposed convolution; zeros otherwise. */
  readonly outputPadding: readonly number[];
  /** Name of the stock activation that follows; `"linear"` for none. */
  readonly activation: string;
  /** What the kernel was folded from; absent where rings are not all equal-weighted. */
  readonly rings?: FoldedRings | undefined;
}

/** Rings of a kernel. */
export interface FoldedRings {
  /** Their weights, mixed already, [R, ...] as the kernel from its matrices on. The caller disposes it. */
  weights(): tf.Tensor3D;
  /** The ring of each kernel position, -1 for none. */
  readonly index: Int32Array;
}

/** A layer that can be written as an ordinary convolution. */
export interface FoldableConv extends tf.layers.Layer {
  /** The convolution with the weights as they are now. @throws GmrError `invalid-argument` before the layer is built */
  foldedConv(): FoldedConv;
}

/** Whether a layer is a GMR convolution of this package. */
export function isFoldableConv(layer: tf.layers.Layer): layer is FoldableConv {
  return "foldedConv" in layer && typeof layer.foldedConv === "function";
}
