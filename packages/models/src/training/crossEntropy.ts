import { checkKeys, describeValue, GmrError, type KeysOf } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { forClasses, logSoftmax } from "./softmax.ts";
import { checkLabels, LABEL_KEYS, type LabelOptions, targetsOf } from "./targets.ts";

export interface CrossEntropyOptions extends LabelOptions {
  /** ε in [0, 1): the share of every label that is spread over all classes (Szegedy et al. 2016). Default 0. */
  labelSmoothing?: number | undefined;
  /** A weight of at least 0 for each class. Default: all 1. */
  classWeights?: readonly number[] | undefined;
}

export const CROSS_ENTROPY_KEYS: KeysOf<CrossEntropyOptions> = {
  ...LABEL_KEYS,
  labelSmoothing: true,
  classWeights: true,
};

/** Less than any sum of weights that matters; makes the mean over no positions 0. */
const TINY = 1e-30;

/**
 * The mean cross entropy of the softmax p of the logits, for classification and segmentation. With labels t (one-hot
 * for class indices), smoothing ε and class weights w
 *
 * `L = Σ_n Σ_k w_k ((1 - ε) t_nk + ε/K Σ_j t_nj) (-log p_nk) / Σ_n Σ_k w_k t_nk`,
 *
 * n over all images and positions: the mean over labelled positions, weighted by the labels' classes, as in PyTorch's
 * `cross_entropy` for class indices. 0 if everything is ignored. Logits of -∞ mask classes out: such a class costs
 * nothing, or ∞ if it is a label or gets a share of the smoothing. Differentiable in the logits on every backend.
 *
 * @param logits [N, K] or [N, ...sizes, K]
 * @param labels class indices [N, ...sizes], int32, in [0, K) or `ignoreLabel`; or shares of the classes
 *   [N, ...sizes, K], float32
 * @throws GmrError `invalid-shape` if they do not fit together, `invalid-argument` for other dtypes and options,
 *   `invalid-data` for labels that are not classes, naming the first (for labels computed on a GPU the loss is NaN)
 *
 * @example
 * const loss = softmaxCrossEntropy(logits, labels, { labelSmoothing: 0.1 }); // in a training loop of your own
 * model.compile({ optimizer: "adam", loss: losses.softmaxCrossEntropy({ labelSmoothing: 0.1 }) }); // for model.fit
 */
export function softmaxCrossEntropy(
  logits: tf.Tensor,
  labels: tf.Tensor,
  options: CrossEntropyOptions = {},
): tf.Scalar {
  return tf.tidy(() => crossEntropyPerImage(logits, labels, options).sum<tf.Scalar>());
}

/** What each image contributes to {@link softmaxCrossEntropy}, [N]; the loss is the sum. */
export function crossEntropyPerImage(
  logits: tf.Tensor,
  labels: tf.Tensor,
  options: CrossEntropyOptions,
): tf.Tensor1D {
  const { labelSmoothing: epsilon = 0, classWeights } = checkKeys(
    "the options of softmaxCrossEntropy",
    options,
    CROSS_ENTROPY_KEYS,
  );
  const classes = checkLabels(logits, labels, options);
  if (!(epsilon >= 0 && epsilon < 1)) {
    throw new GmrError(
      "invalid-argument",
      `labelSmoothing must lie in [0, 1), got ${describeValue(epsilon)}`,
    );
  }
  if (
    classWeights &&
    !(classWeights.length === classes && classWeights.every((w) => Number.isFinite(w) && w >= 0))
  ) {
    throw new GmrError(
      "invalid-argument",
      `classWeights must be ${classes} numbers of at least 0, one for each class, got ${describeValue(classWeights)}`,
    );
  }
  return tf.tidy(() => {
    const weigh = (t: tf.Tensor) => (classWeights ? t.mul(tf.tensor1d([...classWeights])) : t);
    const targets = targetsOf(labels, classes, logits.rank, options.ignoreLabel);
    const total = weigh(targets).sum().maximum(TINY);
    const shared = () => targets.sum(-1, true).mul(epsilon / classes);
    const smoothed = epsilon === 0 ? targets : targets.mul(1 - epsilon).add(shared());
    return negativeLogLikelihoods(logits, weigh(smoothed).div(total));
  });
}

/**
 * `-Σ t · log softmax(logits)` of each image, [N], with gradient `softmax(logits) Σ_k t_k - t`; terms with t = 0 are 0,
 * whatever p is.
 */
function negativeLogLikelihoods(logits: tf.Tensor, targets: tf.Tensor): tf.Tensor1D {
  const [images] = logits.shape;
  const op = tf.customGrad((z, save) => {
    const logP = logSoftmax(z as tf.Tensor);
    (save as tf.GradSaveFunc)([z as tf.Tensor, logP, targets]);
    const terms = tf.where(targets.equal(0), tf.zerosLike(targets), logP.mul(targets));
    return {
      value: terms.reshape([images, -1]).sum(1).neg(),
      gradFunc: (dy: tf.Tensor, [z, saved, targets]: tf.Tensor[]) => {
        const logP = tf.engine().isTapeOn() ? logSoftmax(z) : saved; // for a second derivative
        const totals = targets.sum(-1, true);
        const nothing = forClasses(totals, logP).equal(0);
        const p = tf.where(nothing, tf.zerosLike(logP), logP.exp());
        const each = dy.reshape([images, ...new Array<number>(z.rank - 1).fill(1)]);
        return p.mul(totals).sub(targets).mul(each);
      },
    };
  });
  return op(logits) as tf.Tensor1D;
}
