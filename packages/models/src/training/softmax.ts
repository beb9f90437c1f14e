// The softmax and its logarithm, in the limit where logits are infinite: -∞ masks a class out, +∞ makes one certain (and
// several equally likely). Rows that are -∞ throughout, or hold NaN, have none: NaN.

import { mendGradients } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";

/** log p [..., K] of logits [..., K], to be differentiated by its callers. */
export function logSoftmax(logits: tf.Tensor): tf.Tensor {
  mendGradients();
  return tf.tidy(() => {
    const differences = logits.sub(logits.max(-1, true));
    const certain = logits.equal(Number.POSITIVE_INFINITY);
    const shifted = tf.where(certain, tf.zerosLike(logits), differences); // ∞ - ∞ is 0 here
    return shifted.sub(shifted.exp().sum(-1, true).log());
  });
}

/** Numbers per position [..., 1] for each class, as those of `like` [..., K]. (The stock broadcastTo is far slower.) */
export function forClasses(numbers: tf.Tensor, like: tf.Tensor): tf.Tensor {
  return tf.zerosLike(like).add(numbers);
}

/** p [..., K] of logits [..., K]. */
export function softmax(logits: tf.Tensor): tf.Tensor {
  const op = tf.customGrad((z, save) => {
    const p = logSoftmax(z as tf.Tensor).exp();
    (save as tf.GradSaveFunc)([z as tf.Tensor, p]);
    return {
      value: p,
      gradFunc: (dy: tf.Tensor, [z, saved]: tf.Tensor[]) => {
        const p = tf.engine().isTapeOn() ? logSoftmax(z).exp() : saved; // to be differentiated again
        return p.mul(dy.sub(p.mul(dy).sum(-1, true)));
      },
    };
  });
  return op(logits);
}
