import * as tf from "@tensorflow/tfjs";
import { applyLayer } from "./cloneLayer.ts";

/** New layers by the layer they replace, so that a layer with several calls becomes one with several calls. */
export class SharedLayers {
  private readonly made = new Map<tf.layers.Layer, Map<string, tf.layers.Layer>>();

  /**
   * Calls the replacement for `source`, which is created on the first call.
   * @param variant tells apart the layers that one source needs for inputs of different sizes
   * @param weights of the new layer; they are disposed of
   */
  call(
    source: tf.layers.Layer,
    variant: string,
    input: tf.SymbolicTensor,
    create: () => tf.layers.Layer,
    weights: () => tf.Tensor[],
  ): tf.SymbolicTensor {
    const variants = this.made.get(source) ?? new Map<string, tf.layers.Layer>();
    this.made.set(source, variants);
    const known = variants.get(variant);
    const layer = known ?? create();
    if (!known) layer.setFastWeightInitDuringBuild(true);
    const [output] = applyLayer(layer, [input]);
    if (!known) {
      tf.tidy(() => layer.setWeights(weights()));
      variants.set(variant, layer);
    }
    return output;
  }
}
