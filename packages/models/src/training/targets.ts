// Labels as one number per class.

import { describeValue, GmrError, type KeysOf } from "@gmr-conv/core";
import { knownValues } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";

export interface LabelOptions {
  /** Positions with this label are ignored. Only for class indices. Default: none is. */
  ignoreLabel?: number | undefined;
}

export const LABEL_KEYS: KeysOf<LabelOptions> = { ignoreLabel: true };

/**
 * Checks logits [N, ..., K] and their labels: class indices [N, ...], int32, or shares of the classes [N, ..., K],
 * float32.
 * @returns the number of classes K
 * @throws GmrError `invalid-shape`; `invalid-argument` for other dtypes and an `ignoreLabel` that is not an integer or
 *   comes with shares; `invalid-data` for a label that is not a class
 */
export function checkLabels(logits: tf.Tensor, labels: tf.Tensor, { ignoreLabel }: LabelOptions): number {
  const { shape, rank } = logits;
  if (areSwapped(logits, labels)) {
    throw new GmrError(
      "invalid-argument",
      `the order is (logits, labels), got ${logits.dtype} [${shape}] and ${labels.dtype} [${labels.shape}], ` +
        "which look like labels and logits: for model.compile, take losses and metrics of @gmr-conv/models",
    );
  }
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
      `labels must have shape [${shape.slice(0, -1)}] (class indices) or [${shape}] (shares of the classes), ` +
        `got [${labels.shape}]`,
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
  const classes = shape[rank - 1];
  if (indices) checkIndices(labels, classes, ignoreLabel);
  return classes;
}

/** Whether the first looks like labels of the second: indices of its classes, or shares while that has negatives. */
function areSwapped(logits: tf.Tensor, labels: tf.Tensor): boolean {
  if (labels.dtype !== "float32") return false;
  const sizes = labels.shape.slice(0, -1).join();
  const { shape, rank } = logits;
  if (rank === labels.rank - 1) return shape.join() === sizes;
  if (rank !== labels.rank) return false;
  if (shape.join() === labels.shape.join()) {
    if (logits.dtype !== "float32") return true;
    const isNegative = (values: tf.TypedArray | undefined): boolean =>
      values?.some((value) => value < 0) ?? false;
    return isNegative(valuesKnown(labels)) && !isNegative(valuesKnown(logits));
  }
  return shape[rank - 1] === 1 && shape.slice(0, -1).join() === sizes;
}

/** By the data of tensors, which never change: what they were found to be valid for. */
const checked = new WeakMap<object, string>();

/** @throws GmrError `invalid-data` for an index outside [0, classes) that is not to be ignored, with its place */
function checkIndices(labels: tf.Tensor, classes: number, ignoreLabel: number | undefined): void {
  const asked = `${classes} ${ignoreLabel}`;
  if (checked.get(labels.dataId) === asked) return;
  const values = labelsKnown(labels);
  if (!values) return;
  const isWrong = (label: number): boolean => label !== ignoreLabel && !(label >= 0 && label < classes);
  const first = values.findIndex(isWrong);
  if (first < 0) {
    checked.set(labels.dataId, asked);
    return;
  }
  const wrong = values.filter(isWrong);
  const place = tf.util.indexToLoc(first, labels.rank, tf.util.computeStrides(labels.shape));
  throw new GmrError(
    "invalid-data",
    `labels must be class indices in [0, ${classes})${ignoreLabel === undefined ? "" : ` or ${ignoreLabel}`}, ` +
      `got ${values[first]} at ${describeValue(labels.rank > 1 ? place : [first])} ` +
      `(${wrong.length} of ${values.length} labels)${hint(values, wrong)}`,
  );
}

/** A guess at what went wrong. */
function hint(values: Int32Array, wrong: Int32Array): string {
  const only = wrong.every((label) => label === wrong[0]) ? wrong[0] : undefined;
  if (only === 255 && values.every((label) => label === 0 || label === 255)) {
    return ": a mask of 0 and 255? Divide it by 255";
  }
  return only === undefined ? "" : `: give ignoreLabel: ${only} if these are to be ignored`;
}

const valuesKnown = (tensor: tf.Tensor): tf.TypedArray | undefined =>
  knownValues(tensor, tf.getBackend(), tf.backend());
const labelsKnown = (labels: tf.Tensor): Int32Array | undefined =>
  valuesKnown(labels) as Int32Array | undefined;

/**
 * [N, ..., K] float32: 1 for the class of a position, zeros where a label is ignored, NaN where it is not a class
 * (which {@link checkLabels} may be unable to see on a GPU).
 */
export function targetsOf(
  labels: tf.Tensor,
  classes: number,
  rank: number,
  ignoreLabel: number | undefined,
): tf.Tensor {
  if (labels.rank === rank) return labels;
  const targets = oneHotRows(labels, classes);
  const counted = ignoreLabel === undefined ? targets : targets.mul(counting(labels, ignoreLabel));
  return checked.has(labels.dataId) ? counted : counted.add(strangers(labels, classes, ignoreLabel));
}

/** [N, ..., 1]: NaN where a label is neither a class nor ignored, else 0. */
function strangers(labels: tf.Tensor, classes: number, ignoreLabel: number | undefined): tf.Tensor {
  const known = labels.greaterEqual(0).logicalAnd(labels.less(classes));
  const right = ignoreLabel === undefined ? known : known.logicalOr(labels.equal(ignoreLabel));
  const zeros = tf.zeros(labels.shape);
  return tf.where(right, zeros, tf.fill(labels.shape, Number.NaN)).expandDims(-1);
}

/** [..., K] float32: 1 for the class of each index. */
export function oneHotRows(indices: tf.Tensor, classes: number): tf.Tensor {
  // Without `dtype: "float32"`: the stock wasm kernel writes integers for any dtype.
  return tf.oneHot(indices, classes).cast("float32");
}

/** [N, ..., 1]: 1 where a label is not ignored. */
export function counting(labels: tf.Tensor, ignoreLabel: number): tf.Tensor {
  return labels.notEqual(tf.scalar(ignoreLabel, "int32")).cast("float32").expandDims(-1);
}
