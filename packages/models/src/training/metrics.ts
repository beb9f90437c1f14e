// How well classes are recognised. The predicted class of a position is that of its largest logit, the first among
// equals; none if a logit is NaN. Arguments of all metrics: logits [N, K] or [N, ...sizes, K], and class indices [N,
// ...sizes], int32, in [0, K) or `ignoreLabel`. All throw GmrError `invalid-shape` or `invalid-argument` if these do
// not fit, and `invalid-data` for labels that are not classes (or return NaN for labels computed on a GPU).

import { checkKeys, checkPositiveInteger, GmrError, type KeysOf } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { checkLabels, counting, LABEL_KEYS, type LabelOptions, oneHotRows, targetsOf } from "./targets.ts";

export interface OverlapOptions extends LabelOptions {
  /** Return one row per image instead of numbers for the whole batch. Default false. */
  perImage?: boolean | undefined;
}

export const OVERLAP_KEYS: KeysOf<OverlapOptions> = { ...LABEL_KEYS, perImage: true };

export interface TopKOptions extends LabelOptions {
  /** Default 5. */
  k?: number | undefined;
}

export const TOP_K_KEYS: KeysOf<TopKOptions> = { ...LABEL_KEYS, k: true };

/** Share of positions with the right class, a scalar; NaN if everything is ignored. */
export function accuracy(logits: tf.Tensor, labels: tf.Tensor, options: LabelOptions = {}): tf.Scalar {
  checkKeys("the options of accuracy", options, LABEL_KEYS);
  return tf.tidy(() => {
    const { both, labelled } = countsOf(logits, labels, options);
    return both.sum().div(labelled.sum());
  });
}

/**
 * Share of positions whose class is among the k largest logits, the first among equals; a scalar, NaN if everything is
 * ignored.
 */
export function topKAccuracy(logits: tf.Tensor, labels: tf.Tensor, options: TopKOptions = {}): tf.Scalar {
  const { k = 5, ignoreLabel } = checkKeys("the options of topKAccuracy", options, TOP_K_KEYS);
  checkPositiveInteger("k", k);
  const classes = checkIndexLabels(logits, labels, options);
  return tf.tidy(() => {
    const counted = targetsOf(labels, classes, logits.rank, ignoreLabel); // NaN where a label is not a class
    const right = oneHotRows(labels, classes).cast("bool");
    const own = tf.where(right, logits, tf.zerosLike(logits)).sum(-1, true);
    const earlier = tf.range(0, classes, 1, "int32").less(labels.expandDims(-1));
    const ahead = logits.greater(own).logicalOr(logits.equal(own).logicalAnd(earlier));
    const among = ahead.cast("float32").sum(-1, true).less(k);
    const known = tf.isNaN(logits).any(-1, true).logicalNot();
    return counted.mul(among.logicalAnd(known).cast("float32")).sum().div<tf.Scalar>(counted.sum());
  });
}

/**
 * Dice score of each class, `2 |P ∩ L| / (|P| + |L|)`, P its predicted and L its labelled positions.
 * @returns [K], or [N, K] with `perImage`; NaN for a class in neither
 */
export function diceScore(logits: tf.Tensor, labels: tf.Tensor, options: OverlapOptions = {}): tf.Tensor {
  checkKeys("the options of diceScore", options, OVERLAP_KEYS);
  return tf.tidy(() => {
    const { both, predicted, labelled } = countsOf(logits, labels, options);
    return both.mul(2).div(predicted.add(labelled));
  });
}

/**
 * Intersection over union of each class, `|P ∩ L| / |P ∪ L|`, with P and L as in {@link diceScore}.
 * @returns [K], or [N, K] with `perImage`; NaN for a class in neither
 */
export function intersectionOverUnion(
  logits: tf.Tensor,
  labels: tf.Tensor,
  options: OverlapOptions = {},
): tf.Tensor {
  checkKeys("the options of intersectionOverUnion", options, OVERLAP_KEYS);
  return tf.tidy(() => {
    const { both, predicted, labelled } = countsOf(logits, labels, options);
    return both.div(predicted.add(labelled).sub(both));
  });
}

/** Number of positions of each class in the prediction, in the labels, and in both. */
function countsOf(
  logits: tf.Tensor,
  labels: tf.Tensor,
  { perImage = false, ignoreLabel }: OverlapOptions,
): Record<"both" | "predicted" | "labelled", tf.Tensor> {
  const classes = checkIndexLabels(logits, labels, { ignoreLabel });
  const rows = (t: tf.Tensor) => t.reshape([logits.shape[0], -1, classes]);
  const hard = oneHotRows(logits.argMax(-1), classes).mul(tf.isNaN(logits).any(-1, true).logicalNot());
  const p = rows(ignoreLabel === undefined ? hard : hard.mul(counting(labels, ignoreLabel)));
  const t = rows(targetsOf(labels, classes, logits.rank, ignoreLabel));
  const sum = (values: tf.Tensor) => values.sum(perImage ? [1] : [0, 1]);
  return { both: sum(p.mul(t)), predicted: sum(p), labelled: sum(t) };
}

function checkIndexLabels(logits: tf.Tensor, labels: tf.Tensor, options: LabelOptions): number {
  const classes = checkLabels(logits, labels, { ignoreLabel: options.ignoreLabel });
  if (labels.rank < logits.rank) return classes;
  throw new GmrError("invalid-shape", `metrics need class indices as labels, got shape [${labels.shape}]`);
}
