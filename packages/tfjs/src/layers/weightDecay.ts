// Which weights weight decay should act on.

import type * as tf from "@tensorflow/tfjs";
import { GmrConv } from "./gmrConv.ts";
import { isRingWeights } from "./ringWeights.ts";

/**
 * Whether weight decay should act on a layer's weight: on convolution and matrix weights, not on biases, the
 * parameters of a normalisation, or trained masks, and on the widths of a mixture only if the layer says so
 * (`decaySigma`).
 *
 * @param weightName the weight's name, or the last part of it, such as `"ring_weights"`
 */
export function decaysWeight(layer: tf.layers.Layer, weightName: string): boolean {
  const name = weightName.slice(weightName.lastIndexOf("/") + 1).replace(/_\d+$/, "");
  if (name === "log_sigmas") return layer instanceof GmrConv && layer.decaySigma;
  return isRingWeights(name) || name.endsWith("kernel");
}

/** Brings the trained ring masks of every layer of a model back to within ±0.1 of their partition. */
export function clipRingMasks(model: tf.LayersModel): void {
  for (const layer of model.layers) {
    if (layer instanceof GmrConv) layer.clipMasks();
    else if ("layers" in layer) clipRingMasks(layer as unknown as tf.LayersModel);
  }
}
