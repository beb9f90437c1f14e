// What a GMR convolution layer computes: an ordinary convolution, for export.

import type { Pad, PadMode, Rank } from "@gmr-conv/core";
import type * as tf from "@tensorflow/tfjs";

/** An ordinary convolution with PyTorch's options, and its weights. */
export interface FoldedConv {
  readonly rank: Rank;
  readonly transposed: boolean;
  /** [...k, Cin/groups, Cout]; transposed: [...k, Cout/groups, Cin]. The caller disposes it. */
  readonly kernel: tf.Tensor;
  /** [Cout]. The caller disposes it. */
  readonly bias: tf.Tensor1D | undefined;
  readonly kernelSize: readonly number[];
  readonly strides: readonly number[];
  /** As passed: `convGeometry` of `@gmr-conv/core` turns it into numbers. */
  readonly pad: Pad;
  readonly padMode: PadMode;
  readonly dilations: readonly number[];
  readonly groups: number;
  /** Transposed convolutions only; zeros otherwise. */
  readonly outputPadding: readonly number[];
  /** Name of the stock activation that follows; `"linear"` for none. */
  readonly activation: string;
  /** What the kernel was folded from; absent if some rings are not equally weighted. */
  readonly rings?: FoldedRings | undefined;
}

/** Rings of a kernel. */
export interface FoldedRings {
  /** Their weights, already mixed, [R, ...]: the kernel's shape from its matrices on. The caller disposes it. */
  weights(): tf.Tensor3D;
  /** The ring of each kernel position, -1 for none. */
  readonly index: Int32Array;
}

/** A layer that can be expressed as an ordinary convolution. */
export interface FoldableConv extends tf.layers.Layer {
  /** The convolution with the current weights. @throws GmrError `invalid-argument` before the layer is built */
  foldedConv(): FoldedConv;
}

/** Whether a layer is a GMR convolution of this package. */
export function isFoldableConv(layer: tf.layers.Layer): layer is FoldableConv {
  return "foldedConv" in layer && typeof layer.foldedConv === "function";
}
