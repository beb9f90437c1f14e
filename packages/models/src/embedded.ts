// Loaded with the first pretrained network. One module of its own, since bundlers keep all of what is imported on demand.

import { readSafetensors } from "@gmr-conv/io";
import type * as tf from "@tensorflow/tfjs";
import { restoreNetwork, type StoredNetwork } from "./storedNetwork.ts";

/** A network with weights that are part of the code: a safetensors file in base64. */
export function restoreEmbedded(name: string, network: StoredNetwork, base64: string): tf.LayersModel {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return restoreNetwork(network, readSafetensors(bytes, name).tensors);
}
