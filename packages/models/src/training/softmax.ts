// The softmax and its logarithm, in the limit where logits are infinite: -∞ masks a class out, +∞ makes one certain (and
// several equally likely). Rows that are -∞ throughout, or hold NaN, have none: NaN.

import * as tf from "@tensorflow/tfjs";

/** log p [..., K] of logits [..., K], to be differentiated by its callers. */
export function logSoftmax(logits: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const largest = logits.max(-1, true);
    const shifted = tf.where(logits.equal(largest), tf.zerosLike(logits), logits.sub(largest));
    const undefinedRows = tf.where(
      largest.equal(Number.NEGATIVE_INFINITY),
      tf.fill(largest.shape, Number.NaN),
      tf.zerosLike(largest),
    );
    return shifted.sub(shifted.exp().sum(-1, true).log().add(undefinedRows));
  });
}

/** p [..., K] of logits [..., K], differentiable once. */
export function softmax(logits: tf.Tensor): tf.Tensor {
  const op = tf.customGrad((z, save) => {
    const p = logSoftmax(z as tf.Tensor).exp();
    (save as tf.GradSaveFunc)([p]);
    return {
      value: p,
      gradFunc: (dy: tf.Tensor, [p]: tf.Tensor[]) => p.mul(dy.sub(p.mul(dy).sum(-1, true))),
    };
  });
  return op(logits);
}
