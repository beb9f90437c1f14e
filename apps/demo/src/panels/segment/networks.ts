import { readSafetensors, type StoredTensor } from "@gmr-conv/io";
import { restoreNetwork } from "@gmr-conv/models/stored";
import type * as tf from "@tensorflow/tfjs";
import { NETWORKS, type NetworkName, type PerNetwork } from "../../engine/types.ts";
import type { Card } from "./card.ts";
import { SIDE } from "./look.ts";

export type Tensors = PerNetwork<Map<string, StoredTensor>>;

/** @param weights safetensors files */
export const readTensors = (weights: PerNetwork<Uint8Array>): Tensors => ({
  gmr: readSafetensors(weights.gmr, "gmr.safetensors").tensors,
  dense: readSafetensors(weights.dense, "dense.safetensors").tensors,
});

/** Both networks on the active backend. */
export function makeNetworks(
  { networks }: Pick<Card, "networks">,
  tensors: Tensors,
): PerNetwork<tf.LayersModel> {
  const make = (name: NetworkName): tf.LayersModel => {
    const { name: kind, options } = networks[name];
    const network = { name: kind, options: { classes: 2, ...options, inputShape: [SIDE, SIDE, 1] } };
    return restoreNetwork(network, tensors[name]);
  };
  return { gmr: make("gmr"), dense: make("dense") };
}

export const disposeNetworks = (networks: PerNetwork<tf.LayersModel>): void => {
  for (const name of NETWORKS) networks[name].dispose();
};
