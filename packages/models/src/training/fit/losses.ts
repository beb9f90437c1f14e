// Losses for `model.compile`, made from those of training loops.

import { checkKeys } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { CROSS_ENTROPY_KEYS, type CrossEntropyOptions, crossEntropyPerImage } from "../crossEntropy.ts";
import {
  DICE_CROSS_ENTROPY_KEYS,
  DICE_KEYS,
  type DiceCrossEntropyOptions,
  type DiceOptions,
  diceCrossEntropy,
  diceLoss,
} from "../dice.ts";
import type { LabelOptions } from "../targets.ts";
import { asLoss } from "./compiled.ts";
import { type FitFunction, fitLabels } from "./labels.ts";
import { metrics } from "./metrics.ts";
import { named } from "./named.ts";

/**
 * Losses for `model.compile` and `fit`, called with (yTrue, yPred): the model's outputs are logits [N, ...sizes, K],
 * and labels are class indices [N, ...sizes] or [N, ...sizes, 1], of any dtype, or one-hot [N, ...sizes, K]. With one
 * of these losses, `metrics: ["accuracy"]` counts right for labels in any of these forms.
 *
 * @example
 * model.compile({
 *   optimizer: "adam",
 *   loss: losses.softmaxCrossEntropy({ labelSmoothing: 0.1 }),
 *   metrics: [metrics.accuracy(), metrics.topKAccuracy({ k: 5 })],
 * });
 * await model.fit(images, tf.tensor1d([3, 1, 4], "int32"));
 */
export const losses = {
  /**
   * The mean cross entropy of the softmax of the logits, see {@link softmaxCrossEntropy}; for classification and
   * segmentation. Returns one number per image, so that `fit`'s `classWeight` works; their mean is the loss.
   * @throws GmrError `invalid-argument` for unknown options
   */
  softmaxCrossEntropy(options: CrossEntropyOptions = {}): FitFunction {
    checkKeys("the options of losses.softmaxCrossEntropy", options, CROSS_ENTROPY_KEYS);
    return loss("softmaxCrossEntropy", options, (labels, logits) =>
      crossEntropyPerImage(logits, labels, options).mul(logits.shape[0]),
    );
  },

  /**
   * Soft Dice loss over classes for segmentation, see {@link diceLoss}.
   * @throws GmrError `invalid-argument` for unknown options
   */
  dice(options: DiceOptions = {}): FitFunction {
    checkKeys("the options of losses.dice", options, DICE_KEYS);
    return loss("dice", options, (labels, logits) => diceLoss(logits, labels, options));
  },

  /**
   * Dice loss + cross entropy, the usual loss for segmentation, see {@link diceCrossEntropy}.
   * @throws GmrError `invalid-argument` for unknown options
   */
  diceCrossEntropy(options: DiceCrossEntropyOptions = {}): FitFunction {
    checkKeys("the options of losses.diceCrossEntropy", options, DICE_CROSS_ENTROPY_KEYS);
    return loss("diceCrossEntropy", options, (labels, logits) => diceCrossEntropy(logits, labels, options));
  },
};

function loss(name: string, { ignoreLabel }: LabelOptions, compute: FitFunction): FitFunction {
  const run = named(name, (yTrue, yPred) => tf.tidy(() => compute(fitLabels(yTrue, yPred), yPred)));
  const entropy: FitFunction = (yTrue, yPred) =>
    tf.tidy(() => crossEntropyPerImage(yPred, fitLabels(yTrue, yPred), { ignoreLabel }).sum());
  return asLoss(run, { acc: metrics.accuracy({ ignoreLabel }), ce: entropy });
}
