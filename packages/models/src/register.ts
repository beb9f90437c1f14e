import { registerLayers } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { DiscFieldOfView } from "./fieldOfView.ts";
import { HalvingsCheck } from "./halvings.ts";
import { MatchSize } from "./matchSize.ts";

/**
 * Registers the layers of `resNet`, `r3d` and `unet` with `tf.loadLayersModel`. Creating a network does so; call it
 * yourself to load a saved network in a program that creates none. `registerGroupLayers` of
 * `@gmr-conv/models/groups` adds those of group convolutions.
 */
export function registerModelLayers(): void {
  registerLayers();
  for (const layer of [DiscFieldOfView, HalvingsCheck, MatchSize]) {
    tf.serialization.registerClass(layer as tf.serialization.SerializableConstructor<tf.layers.Layer>);
  }
}
