// What `fit` passes to losses and metrics: (yTrue, yPred), with labels in whatever form they were given.

import { GmrError } from "@gmr-conv/core";
import { knownValues } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";

/** A loss or a metric as `model.compile` takes it. */
export type FitFunction = (yTrue: tf.Tensor, yPred: tf.Tensor) => tf.Tensor;

/** Not a class, whatever is ignored: stands for a label that is not a whole number. */
const NO_CLASS = -(2 ** 31);

/**
 * Labels as the losses take them: class indices, int32, or shares of the classes, float32.
 *
 * @param yTrue class indices [N, ...sizes] or [N, ...sizes, 1], of any dtype, or one-hot [N, ...sizes, K]
 * @param yPred logits [N, ...sizes, K]
 * @throws GmrError `invalid-shape` if they do not fit together, `invalid-data` for indices that are not whole numbers
 */
export function fitLabels(yTrue: tf.Tensor, yPred: tf.Tensor): tf.Tensor {
  const sizes = yPred.shape.slice(0, -1);
  const classes = yPred.shape[sizes.length];
  if (sizes.length < 1 || classes < 2) {
    throw new GmrError(
      "invalid-shape",
      `the model's output must be logits [N, ..., classes] of at least two classes, got [${yPred.shape}]`,
    );
  }
  const given = yTrue.shape.join();
  if (given === yPred.shape.join()) return yTrue.cast("float32");
  if (given === sizes.join() || given === [...sizes, 1].join()) return indicesOf(yTrue).reshape(sizes);
  throw new GmrError(
    "invalid-shape",
    `labels must have shape [${sizes}] or [${sizes},1] (class indices), or [${yPred.shape}] (one-hot), ` +
      `got [${yTrue.shape}]`,
  );
}

/** Class indices, int32: those of {@link fitLabels}, or the largest of the shares. */
export function fitIndices(yTrue: tf.Tensor, yPred: tf.Tensor): tf.Tensor {
  const labels = fitLabels(yTrue, yPred);
  return labels.rank === yPred.rank ? labels.argMax(-1) : labels;
}

/** Whole numbers as int32: `tf.tensor1d([0, 1, 2])` is float32. */
function indicesOf(labels: tf.Tensor): tf.Tensor {
  if (labels.dtype !== "float32") return labels.cast("int32");
  const wrong = knownValues(labels, tf.getBackend(), tf.backend())?.find((label) => !Number.isInteger(label));
  if (wrong !== undefined) {
    throw new GmrError("invalid-data", `labels must be class indices, whole numbers, got ${wrong}`);
  }
  const whole = labels.equal(labels.floor());
  return tf.where(whole, labels, tf.fill(labels.shape, NO_CLASS)).cast("int32");
}
