import { describeValue, GmrError } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";

/**
 * Scales all gradients down if their global norm is too large (Pascanu et al. 2013): `g ← g · maxNorm / max(norm,
 * maxNorm)` with `norm = √(Σ g²)` over all numbers of all gradients.
 *
 * If the norm is NaN or infinite (because a gradient is, or its squares overflow), all gradients become zeros, so that
 * the weights stay usable; `norm` shows it. Nothing is read from the device.
 *
 * @returns new tensors of the same names and shapes, and the norm before clipping; the caller disposes of them and of
 *   `grads`
 * @throws GmrError `invalid-argument` for no gradients, or a `maxNorm` that is not positive and finite
 */
export function clipByGlobalNorm(
  grads: tf.NamedTensorMap,
  maxNorm: number,
): { grads: tf.NamedTensorMap; norm: tf.Scalar } {
  const entries = Object.entries(grads);
  if (entries.length === 0) throw new GmrError("invalid-argument", "there are no gradients to clip, got {}");
  if (!(Number.isFinite(maxNorm) && maxNorm > 0)) {
    throw new GmrError(
      "invalid-argument",
      `maxNorm must be a positive number, got ${describeValue(maxNorm)}`,
    );
  }
  return tf.tidy(() => {
    const norm = tf
      .addN(entries.map(([, gradient]) => tf.tidy(() => gradient.square().sum())))
      .sqrt() as tf.Scalar;
    const scale = tf.scalar(maxNorm).div(norm.maximum(maxNorm));
    const finite = tf.isFinite(norm);
    const clip = (gradient: tf.Tensor) =>
      tf.tidy(() =>
        tf.where(finite.broadcastTo(gradient.shape), gradient.mul(scale), tf.zerosLike(gradient)),
      );
    return { grads: Object.fromEntries(entries.map(([name, gradient]) => [name, clip(gradient)])), norm };
  });
}
