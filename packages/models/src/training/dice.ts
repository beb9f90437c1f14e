import { checkKeys, describeValue, GmrError, type KeysOf } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { type CrossEntropyOptions, softmaxCrossEntropy } from "./crossEntropy.ts";
import { forClasses, softmax } from "./softmax.ts";
import { checkLabels, counting, LABEL_KEYS, type LabelOptions, targetsOf } from "./targets.ts";

export interface DiceOptions extends LabelOptions {
  /** s, added to numerator and denominator, so that an absent class counts as right. Default 1e-5. */
  smooth?: number | undefined;
  /** Count class 0. Default true. */
  includeBackground?: boolean | undefined;
  /** Average the ratios of single images; otherwise sum over the batch first. Default true. */
  perImage?: boolean | undefined;
}

export interface DiceCrossEntropyOptions extends DiceOptions, CrossEntropyOptions {
  /** Default 1. */
  diceWeight?: number | undefined;
  /** Default 1. */
  crossEntropyWeight?: number | undefined;
}

export const DICE_KEYS: KeysOf<DiceOptions> = {
  ...LABEL_KEYS,
  smooth: true,
  includeBackground: true,
  perImage: true,
};
export const DICE_CROSS_ENTROPY_KEYS: KeysOf<DiceCrossEntropyOptions> = {
  ...DICE_KEYS,
  labelSmoothing: true,
  classWeights: true,
  diceWeight: true,
  crossEntropyWeight: true,
};

/**
 * Soft Dice loss over classes (Milletari et al. 2016, https://arxiv.org/abs/1606.04797), p the softmax of the logits
 * and t the labels (one-hot for class indices):
 *
 * `L = 1 - mean_k (2 Σ p_k t_k + s) / (Σ p_k² + Σ t_k² + s)`,
 *
 * with sums over the positions of an image and the mean also over images or, with `perImage: false`, sums over the
 * whole batch. Differentiable on every backend.
 *
 * @param logits [N, ...sizes, K], at least two classes
 * @param labels class indices [N, ...sizes], int32, in [0, K) or `ignoreLabel`; or shares of the classes
 *   [N, ...sizes, K], float32
 * @throws GmrError as {@link softmaxCrossEntropy}
 */
export function diceLoss(logits: tf.Tensor, labels: tf.Tensor, options: DiceOptions = {}): tf.Scalar {
  checkKeys("the options of diceLoss", options, DICE_KEYS);
  const { smooth = 1e-5, includeBackground = true, perImage = true, ignoreLabel } = options;
  const classes = checkLabels(logits, labels, options);
  if (logits.rank < 3 || classes < 2) {
    throw new GmrError(
      "invalid-shape",
      `diceLoss needs logits [N, ...sizes, classes] of at least two classes, got [${logits.shape}]`,
    );
  }
  checkNonNegative("smooth", smooth);
  return tf.tidy(() => {
    const rows = (t: tf.Tensor) => t.reshape([logits.shape[0], -1, classes]);
    const p = rows(countedSoftmax(logits, labels, ignoreLabel));
    const t = rows(targetsOf(labels, classes, logits.rank, ignoreLabel));
    const sum = (values: tf.Tensor) => values.sum(perImage ? [1] : [0, 1]);
    const common = sum(p.mul(t)).mul(2).add(smooth);
    const sizes = sum(p.square()).add(sum(t.square())).add(smooth);
    // An absent class if `smooth` is 0.
    const nowhere = isZero(sizes);
    const ratios = common.add(nowhere).div(sizes.add(nowhere));
    const first = includeBackground ? 0 : 1;
    const counted = ratios.slice([...new Array<number>(ratios.rank - 1).fill(0), first]);
    return tf.scalar(1).sub(counted.mean());
  });
}

/** 1 where a number is 0, else 0; has no gradient. */
const isZero = tf.customGrad((x) => ({
  value: (x as tf.Tensor).equal(0).cast("float32"),
  gradFunc: (dy: tf.Tensor) => tf.zerosLike(dy),
}));

/** The softmax, but 0 at ignored positions, whatever their logits. */
function countedSoftmax(logits: tf.Tensor, labels: tf.Tensor, ignoreLabel: number | undefined): tf.Tensor {
  if (ignoreLabel === undefined) return softmax(logits);
  const counts = counting(labels, ignoreLabel);
  const known = tf.where(forClasses(counts, logits).cast("bool"), logits, tf.zerosLike(logits));
  return softmax(known).mul(counts);
}

/**
 * `diceWeight` · {@link diceLoss} + `crossEntropyWeight` · {@link softmaxCrossEntropy}, the usual loss for
 * segmentation (Isensee et al. 2021, nnU-Net). Shapes and errors as theirs.
 */
export function diceCrossEntropy(
  logits: tf.Tensor,
  labels: tf.Tensor,
  options: DiceCrossEntropyOptions = {},
): tf.Scalar {
  checkKeys("the options of diceCrossEntropy", options, DICE_CROSS_ENTROPY_KEYS);
  const { diceWeight = 1, crossEntropyWeight = 1, labelSmoothing, classWeights, ...ofDice } = options;
  const { ignoreLabel } = options;
  checkNonNegative("diceWeight", diceWeight);
  checkNonNegative("crossEntropyWeight", crossEntropyWeight);
  return tf.tidy(() => {
    const entropy = softmaxCrossEntropy(logits, labels, { labelSmoothing, classWeights, ignoreLabel });
    const dice = diceLoss(logits, labels, ofDice).mul<tf.Scalar>(diceWeight);
    return dice.add<tf.Scalar>(entropy.mul(crossEntropyWeight));
  });
}

function checkNonNegative(name: string, value: number): number {
  if (Number.isFinite(value) && value >= 0) return value;
  throw new GmrError("invalid-argument", `${name} must be at least 0, got ${describeValue(value)}`);
}
