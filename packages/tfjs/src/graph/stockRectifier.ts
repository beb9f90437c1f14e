import * as tf from "@tensorflow/tfjs";
import { applyLayer } from "./cloneLayer.ts";
import type { UniqueName } from "./rebuild.ts";

/** Negative numbers times `slope`, as a stock layer; x itself if the slope is 1. @param owner names the layer */
export function stockRectifier(
  x: tf.SymbolicTensor,
  slope: number,
  owner: string,
  name: UniqueName,
): tf.SymbolicTensor {
  if (slope === 1) return x;
  const layer =
    slope === 0
      ? tf.layers.activation({ activation: "relu", name: name(`${owner}.relu`) })
      : tf.layers.leakyReLU({ alpha: slope, name: name(`${owner}.relu`) });
  return applyLayer(layer, [x])[0];
}
