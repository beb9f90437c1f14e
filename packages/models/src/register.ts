import { registerLayers } from "@gmr-conv/tfjs";
import { registerFieldOfView } from "./fieldOfView.ts";
import { registerGroupConv } from "./groupConv/register.ts";
import { registerHalvingsCheck } from "./halvings.ts";
import { registerMatchSize } from "./matchSize.ts";

/** Makes all layers that networks of this package are made of known to `tf.loadLayersModel`. */
export function registerModelLayers(): void {
  registerLayers();
  registerFieldOfView();
  registerGroupConv();
  registerHalvingsCheck();
  registerMatchSize();
}
