// The softmax and its logarithm, with the right limits for infinite logits: -∞ masks a class out, +∞ makes a class
// certain (several, equally likely). Rows that are all -∞, or contain NaN, yield NaN.

import { mendGradients } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";

/** log p [..., K] of logits [..., K]; callers define its gradient. */
export function logSoftmax(logits: tf.Tensor): tf.Tensor {
  mendGradients();
  return tf.tidy(() => {
    const differences = logits.sub(logits.max(-1, true));
    const certain = logits.equal(Number.POSITIVE_INFINITY);
    const shifted = tf.where(certain, tf.zerosLike(logits), differences); // here ∞ - ∞ = 0
    return shifted.sub(shifted.exp().sum(-1, true).log());
  });
}

/** Broadcasts numbers per position [..., 1] to the shape of `like` [..., K]. (The stock broadcastTo is far slower.) */
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
        const p = tf.engine().isTapeOn() ? logSoftmax(z).exp() : saved; // for a second derivative
        return p.mul(dy.sub(p.mul(dy).sum(-1, true)));
      },
    };
  });
  return op(logits);
}
