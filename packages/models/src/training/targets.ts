// Labels as numbers for each class.

import { describeValue, GmrError } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";

export interface LabelOptions {
  /** Positions with this label do not count. For labels that are class indices. Default: every position counts. */
  ignoreLabel?: number | undefined;
}

/**
 * Checks logits [N, ..., K] and their labels: class indices [N, ...], int32, or shares of the classes [N, ..., K],
 * float32.
 * @returns the number of classes K
 * @throws GmrError `invalid-shape`, or `invalid-argument` for other dtypes and an `ignoreLabel` that is no integer or
 *   comes with shares
 */
export function checkLabels(logits: tf.Tensor, labels: tf.Tensor, { ignoreLabel }: LabelOptions): number {
  const { shape, rank } = logits;
  if (rank < 2 || shape.includes(0)) {
    throw new GmrError(
      "invalid-shape",
      `logits must have shape [N, ..., classes] and not be empty, got [${shape}]`,
    );
  }
  if (logits.dtype !== "float32") {
    throw new GmrError("invalid-argument", `logits must have dtype float32, got ${logits.dtype}`);
  }
  const indices = labels.rank === rank - 1;
  const expected = indices ? shape.slice(0, -1) : shape;
  if (labels.shape.join() !== expected.join()) {
    throw new GmrError(
      "invalid-shape",
      `labels must have shape [${shape.slice(0, -1)}] (class indices) or [${shape}] (shares of the classes), got [${labels.shape}]`,
    );
  }
  const dtype = indices ? "int32" : "float32";
  if (labels.dtype !== dtype) {
    throw new GmrError(
      "invalid-argument",
      `labels [${labels.shape}] must have dtype ${dtype}, got ${labels.dtype}`,
    );
  }
  if (ignoreLabel !== undefined && !(indices && Number.isSafeInteger(ignoreLabel))) {
    throw new GmrError(
      "invalid-argument",
      `ignoreLabel must be an integer among labels that are class indices, got ${describeValue(ignoreLabel)}`,
    );
  }
  return shape[rank - 1];
}

/** [N, ..., K] float32: 1 for the class of a position, zeros where a label is ignored or is no class. */
export function targetsOf(
  labels: tf.Tensor,
  classes: number,
  rank: number,
  ignoreLabel: number | undefined,
): tf.Tensor {
  if (labels.rank === rank) return labels;
  const targets = oneHotRows(labels, classes);
  return ignoreLabel === undefined ? targets : targets.mul(counting(labels, ignoreLabel));
}

/** [..., K] float32: 1 for the class of each index. */
export function oneHotRows(indices: tf.Tensor, classes: number): tf.Tensor {
  // Not with `dtype: "float32"`: the stock wasm kernel writes integers whatever the dtype.
  return tf.oneHot(indices, classes).cast("float32");
}

/** [N, ..., 1]: 1 where a label counts. */
export function counting(labels: tf.Tensor, ignoreLabel: number): tf.Tensor {
  return labels.notEqual(tf.scalar(ignoreLabel, "int32")).cast("float32").expandDims(-1);
}
