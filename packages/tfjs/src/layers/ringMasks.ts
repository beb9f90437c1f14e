// Trained ring masks: kept near the partition, so that rings remain recognisable as rings.

import { type RingPartition, ringMasks } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";

/** Largest distance of a trained mask from the partition's 0 or 1, as in the official package. */
export const MASK_RANGE = 0.1;

/** The last argument that `tf.customGrad` passes; TensorFlow.js does not export the type. */
type Save = (tensors: tf.Tensor[]) => void;

/**
 * Masks [R, Πk] clipped to within ±{@link MASK_RANGE} of the partition's. Beyond these bounds the gradient is that of
 * the bound if a descent step leads back, and zero if it leads away: no entry gets stuck.
 */
export function clipToRings(masks: tf.Tensor2D, partition: RingPartition): tf.Tensor2D {
  const exact = tf.tensor2d(Float32Array.from(ringMasks(partition)), [
    partition.numRings,
    partition.index.length,
  ]);
  const clip = tf.customGrad((x, save) => {
    const given = x as tf.Tensor;
    (save as Save)([given, exact]);
    return {
      value: clipped(given, exact),
      gradFunc: (dy: tf.Tensor, [m, center]: tf.Tensor[]) =>
        tf.tidy(() => {
          const low = tf.where(m.less(center.sub(MASK_RANGE)), dy.minimum(0), dy);
          return tf.where(m.greater(center.add(MASK_RANGE)), dy.maximum(0), low);
        }),
    };
  });
  return clip(masks) as tf.Tensor2D;
}

function clipped(masks: tf.Tensor, exact: tf.Tensor): tf.Tensor {
  return masks.maximum(exact.sub(MASK_RANGE)).minimum(exact.add(MASK_RANGE));
}
