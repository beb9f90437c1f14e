// Backpropagation frees its intermediate gradients, and the activations that forward kernels saved for it, only at the
// very end. Nodes are processed one after another, so when the gradient of one of our kernels is computed, the dy of the
// previous one and what that one had saved are dead and are disposed here. Otherwise gradients alone would need as much
// memory again as the activations.

import * as tf from "@tensorflow/tfjs";

let scope: object | undefined;
let dead: tf.Tensor[] = [];
let read: tf.Tensor[] = [];

/**
 * Call this when a node's gradient functions are requested, with its dys and what its kernel saved: handles of the
 * node's own.
 *
 * Of gradients, disposes only those created by backpropagation itself, which its own scope tracks. A dy that the user
 * passed to `tf.grads` belongs to the user.
 */
export function releaseGradientsBefore(dys: tf.Tensor | tf.Tensor[], saved: tf.Tensor[]): void {
  const { activeScope, gradientDepth } = tf.engine().state;
  const list = (Array.isArray(dys) ? dys : [dys]).filter((dy) => dy instanceof tf.Tensor);
  if (activeScope === scope) {
    for (const tensor of dead) {
      if (!tensor.isDisposed && !list.includes(tensor) && activeScope.track.includes(tensor))
        tensor.dispose();
    }
    // Gradients of gradients visit the node again.
    if (gradientDepth === 0) tf.dispose(read);
  }
  scope = activeScope;
  dead = list;
  read = saved;
}
