import { registerLayers } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { DiscFieldOfView } from "./fieldOfView.ts";
import { GroupBatchNormalization } from "./groupConv/groupBatchNormalization.ts";
import { GroupConv2D } from "./groupConv/groupConv2D.ts";
import { GroupPooling } from "./groupConv/groupPooling.ts";
import { HalvingsCheck } from "./halvings.ts";
import { MatchSize } from "./matchSize.ts";

/**
 * Makes all layers that networks of this package are made of known to `tf.loadLayersModel`. Making a network calls it; call it
 * yourself before loading a saved one in a program that makes none.
 */
export function registerModelLayers(): void {
  registerLayers();
  for (const layer of [
    DiscFieldOfView,
    GroupBatchNormalization,
    GroupConv2D,
    GroupPooling,
    HalvingsCheck,
    MatchSize,
  ]) {
    tf.serialization.registerClass(layer as tf.serialization.SerializableConstructor<tf.layers.Layer>);
  }
}
