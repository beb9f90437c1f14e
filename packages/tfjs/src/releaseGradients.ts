// Backpropagation frees its intermediate gradients only at the very end: as much memory again as the activations need.
// Nodes are processed one after another, so when the gradient of one of our kernels is computed, the dy of the previous
// one is dead and is disposed here.

import * as tf from "@tensorflow/tfjs";

let scope: object | undefined;
let dead: tf.Tensor[] = [];

/**
 * Call this when a node's gradient functions are requested, with its dys.
 *
 * Disposes only tensors created by backpropagation itself: those that its own scope tracks. A dy that the user passed
 * to `tf.grads` belongs to the user.
 */
export function releaseGradientsBefore(dys: tf.Tensor | tf.Tensor[]): void {
  const { activeScope } = tf.engine().state;
  const list = (Array.isArray(dys) ? dys : [dys]).filter((dy) => dy instanceof tf.Tensor);
  if (activeScope === scope) {
    for (const tensor of dead) {
      if (!tensor.isDisposed && !list.includes(tensor) && activeScope.track.includes(tensor))
        tensor.dispose();
    }
  }
  scope = activeScope;
  dead = list;
}
