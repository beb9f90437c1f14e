import type { StoredTensor } from "@gmr-conv/io";
import { loadStateDict } from "@gmr-conv/io/layers";
import * as tf from "@tensorflow/tfjs";

/**
 * The network that `create` makes, with all its weights from `tensors`. No initial weights are drawn.
 * @throws GmrError as `create`, and as `loadStateDict` for weights of another network
 */
export function restored(
  create: () => tf.LayersModel,
  tensors: ReadonlyMap<string, StoredTensor>,
): tf.LayersModel {
  const model = withoutInitialWeights(create);
  try {
    loadStateDict(model, tensors);
    return model;
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/** What layers call for each of their weights; protected in the types. */
interface Building {
  addWeight(
    name: string,
    shape: tf.Shape,
    dtype: unknown,
    initializer: unknown,
    ...others: unknown[]
  ): unknown;
}

/** Calls `create`, while the weights of all layers that are built start at zero. */
function withoutInitialWeights<T>(create: () => T): T {
  const prototype = tf.layers.Layer.prototype as unknown as Building;
  const { addWeight } = prototype;
  const zeros = tf.initializers.zeros();
  prototype.addWeight = function (name, shape, dtype, _, ...others) {
    return addWeight.call(this, name, shape, dtype, zeros, ...others);
  };
  try {
    return create();
  } finally {
    prototype.addWeight = addWeight;
  }
}
