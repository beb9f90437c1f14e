import { registerLayers } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { DiscFieldOfView } from "./fieldOfView.ts";
import { GroupBatchNormalization } from "./groupConv/groupBatchNormalization.ts";
import { GroupConv2D } from "./groupConv/groupConv2D.ts";
import { GroupPooling } from "./groupConv/groupPooling.ts";
import { HalvingsCheck } from "./halvings.ts";
import { MatchSize } from "./matchSize.ts";

/**
 * Registers all layers of this package's networks with `tf.loadLayersModel`. Creating a network does so; call it
 * yourself to load a saved network in a program that creates none.
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
