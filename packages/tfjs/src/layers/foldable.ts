// Layers that can be expressed as stock layers.

import type * as tf from "@tensorflow/tfjs";
import type { UniqueName } from "../graph/rebuild.ts";
import type { SharedLayers } from "../graph/sharedLayers.ts";

/** A layer of any package that can express itself as stock layers. */
export interface FoldableLayer extends tf.layers.Layer {
  /**
   * The same function of `inputs`, made of stock layers, with the current weights.
   * @param name makes a layer name unique in the model: the requested one, or with a number appended
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
