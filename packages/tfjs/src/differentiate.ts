// Gradients of functions written in stock ops, inside backpropagation.

import * as tf from "@tensorflow/tfjs";

type Compute = (...inputs: tf.Tensor[]) => tf.Tensor;

/** A gradient within backpropagation. Restores the outer tape, since a nested gradient ends with none. */
function gradWithin(f: (x: tf.Tensor) => tf.Tensor, x: tf.Tensor, dy: tf.Tensor): tf.Tensor {
  const { state } = tf.engine();
  const { activeTape } = state;
  try {
    return tf.grad(f)(x, dy);
  } finally {
    state.activeTape = activeTape;
  }
}

/**
 * The gradients of f by the names of its inputs. Each is computed separately, since TensorFlow.js frees whatever a
 * gradient function creates besides its result.
 */
export function differentiated<Name extends string>(
  f: Compute,
  names: readonly Name[],
  inputs: readonly tf.Tensor[],
  dy: tf.Tensor,
): Record<Name, () => tf.Tensor> {
  const gradients = names.map((name, i) => [
    name,
    () => gradWithin((input) => f(...inputs.with(i, input)), inputs[i], dy),
  ]);
  return Object.fromEntries(gradients) as Record<Name, () => tf.Tensor>;
}

/** The zero gradient of an input that has no influence. */
export const zerosOf = (tensor: tf.Tensor) => (): tf.Tensor => tf.zeros(tensor.shape);
