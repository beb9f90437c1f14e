// Layers that can be written in stock ones.

import type * as tf from "@tensorflow/tfjs";
import type { UniqueName } from "../graph/rebuild.ts";
import type { SharedLayers } from "../graph/sharedLayers.ts";

/** A layer of any package that can write itself in stock layers. */
export interface FoldableLayer extends tf.layers.Layer {
  /**
   * The same function of `inputs`, made of stock layers, with the weights as they are now.
   * @param name gives a name for a new layer that no other layer of the model has: the wanted one, or with a number
   * @param layers makes a stock layer once where this layer is called several times
   */
  foldToStock(
    inputs: readonly tf.SymbolicTensor[],
    name: UniqueName,
    layers: SharedLayers,
  ): tf.SymbolicTensor;
}

/** Whether a layer is a {@link FoldableLayer}. */
export function writesItself(layer: tf.layers.Layer): layer is FoldableLayer {
  return "foldToStock" in layer && typeof layer.foldToStock === "function";
}
