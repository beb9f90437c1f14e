// The arguments that every layer takes.

import type { KeysOf } from "@gmr-conv/core";
import type * as tf from "@tensorflow/tfjs";

/** The arguments of `tf.layers.Layer`. */
export type LayerArgs = NonNullable<ConstructorParameters<typeof tf.layers.Layer>[0]>;

/**
 * Their names, for `checkKeys` of `@gmr-conv/core`: a layer adds its own, so that misspelt ones are refused. TensorFlow.js
 * itself adds `customObjects` when it loads a model.
 */
export const LAYER_KEYS: KeysOf<LayerArgs & { customObjects?: unknown }> = {
  inputShape: true,
  batchInputShape: true,
  batchSize: true,
  dtype: true,
  name: true,
  trainable: true,
  weights: true,
  inputDType: true,
  customObjects: true,
};
