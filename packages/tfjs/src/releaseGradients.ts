// Backpropagation frees its intermediate gradients only when all of it is done: as much memory again as the
// activations need. Nodes are processed one after another, so when the gradient of one of our kernels is asked for,
// the dy of the one before it is dead, and is disposed of here.

import * as tf from "@tensorflow/tfjs";

let scope: object | undefined;
let dead: tf.Tensor[] = [];

/**
 * To be called when a node's gradient functions are asked for, with its dy's.
 *
 * Only tensors that backpropagation made itself are disposed of: those that its own scope tracks. A dy that the
 * user passed to `tf.grads` belongs to the user.
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
