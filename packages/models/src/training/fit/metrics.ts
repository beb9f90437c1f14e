// Metrics for `model.compile`, made from those of training loops.

import { checkKeys, checkPositiveInteger, type KeysOf } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import {
  accuracy,
  diceScore,
  intersectionOverUnion,
  OVERLAP_KEYS,
  type OverlapOptions,
  TOP_K_KEYS,
  type TopKOptions,
  topKAccuracy,
} from "../metrics.ts";
import { LABEL_KEYS, type LabelOptions } from "../targets.ts";
import { type FitFunction, fitIndices } from "./labels.ts";
import { named } from "./named.ts";

export interface MeanOverlapOptions extends OverlapOptions {
  /** Count class 0. Default true. */
  includeBackground?: boolean | undefined;
}

const KEYS: KeysOf<MeanOverlapOptions> = { ...OVERLAP_KEYS, includeBackground: true };

/**
 * Metrics for `model.compile` and `fit`, called with (yTrue, yPred), of outputs and labels as for `losses`. Each is
 * computed per batch, and `fit` averages over batches. The history of `fit` has them under the names given here.
 *
 * @example
 * const loss = losses.diceCrossEntropy();
 * model.compile({ optimizer: "adam", loss, metrics: [metrics.meanDice(), metrics.meanIoU()] });
 */
export const metrics = {
  /** `accuracy`: share of images, or of positions, with the right class; NaN if everything is ignored. */
  accuracy(options: LabelOptions = {}): FitFunction {
    checkKeys("the options of metrics.accuracy", options, LABEL_KEYS);
    return metric("accuracy", (labels, logits) => accuracy(logits, labels, options));
  },

  /** `top5Accuracy` (of k = 5, the default): share of images or positions whose class is among the k largest logits. */
  topKAccuracy(options: TopKOptions = {}): FitFunction {
    checkKeys("the options of metrics.topKAccuracy", options, TOP_K_KEYS);
    const k = checkPositiveInteger("k", options.k ?? 5);
    return metric(`top${k}Accuracy`, (labels, logits) => topKAccuracy(logits, labels, options));
  },

  /** `meanDice`: the mean Dice score of the classes that occur in the labels or the prediction of a batch. */
  meanDice(options: MeanOverlapOptions = {}): FitFunction {
    checkKeys("the options of metrics.meanDice", options, KEYS);
    const { includeBackground = true, ...ofScore } = options;
    return metric("meanDice", (labels, logits) =>
      meanOver(diceScore(logits, labels, ofScore), includeBackground),
    );
  },

  /** `meanIoU`: as `meanDice`, the mean intersection over union. */
  meanIoU(options: MeanOverlapOptions = {}): FitFunction {
    checkKeys("the options of metrics.meanIoU", options, KEYS);
    const { includeBackground = true, ...ofScore } = options;
    return metric("meanIoU", (labels, logits) =>
      meanOver(intersectionOverUnion(logits, labels, ofScore), includeBackground),
    );
  },
};

function metric(name: string, compute: FitFunction): FitFunction {
  return named(name, (yTrue, yPred) => tf.tidy(() => compute(fitIndices(yTrue, yPred), yPred)));
}

/** The mean of the scores [..., K] that are numbers; NaN if none is. */
function meanOver(scores: tf.Tensor, includeBackground: boolean): tf.Tensor {
  const first = new Array<number>(scores.rank).fill(0);
  if (!includeBackground) first[scores.rank - 1] = 1;
  const counted = scores.slice(first);
  const missing = tf.isNaN(counted);
  return tf
    .where(missing, tf.zerosLike(counted), counted)
    .sum()
    .div(missing.logicalNot().cast("float32").sum());
}
