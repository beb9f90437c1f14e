// Networks from what files say of them: configurations, cards and descriptions of exported networks.

import type { StoredTensor } from "@gmr-conv/io";
import type * as tf from "@tensorflow/tfjs";
import { createModel, type ModelName } from "./registry.ts";
import { restored } from "./restored.ts";

/** The arguments of `createModel` as a file holds them: not checked yet. */
export interface StoredNetwork {
  name: string;
  options: object;
}

/**
 * The network that a file describes, untrained.
 * @throws GmrError `invalid-argument` for an unknown name, and for options that the network does not take
 */
export function createStored({ name, options }: StoredNetwork): tf.LayersModel {
  return createModel(name as ModelName, options as never);
}

/**
 * The network that a file describes, with its weights.
 * @param tensors by the names of the official package, as `readSafetensors` and `readTorch` give them
 * @throws GmrError as {@link createStored}, and as `loadStateDict` for weights of another network
 */
export function restoreNetwork(
  network: StoredNetwork,
  tensors: ReadonlyMap<string, StoredTensor>,
): tf.LayersModel {
  return restored(() => createStored(network), tensors);
}
