import * as tf from "@tensorflow/tfjs";
import { registerModelLayers } from "../register.ts";
import { GroupBatchNormalization } from "./groupBatchNormalization.ts";
import { GroupConv2D } from "./groupConv2D.ts";
import { GroupPooling } from "./groupPooling.ts";

/**
 * Registers the layers of all networks of this package with `tf.loadLayersModel`, those of group convolutions too.
 * {@link groupResNet} does so; call it yourself to load a saved network in a program that creates none.
 */
export function registerGroupLayers(): void {
  registerModelLayers();
  for (const layer of [GroupBatchNormalization, GroupConv2D, GroupPooling]) {
    tf.serialization.registerClass(layer as tf.serialization.SerializableConstructor<tf.layers.Layer>);
  }
}
