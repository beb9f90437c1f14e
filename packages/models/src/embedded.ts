// Loaded with the first pretrained network. One module of its own, since bundlers keep all of what is imported on demand.

import { readSafetensors } from "@gmr-conv/io/safetensors";
import type * as tf from "@tensorflow/tfjs";
import { buildNetwork, NETWORKS } from "./networks.ts";
import { restored } from "./restored.ts";

/**
 * A network with weights that are part of the code: a safetensors file in base64. It is not looked up in the registry,
 * which would also load the group convolutions; pretrained networks have none.
 */
export function restoreEmbedded(
  file: string,
  { name, options }: { name: string; options: object },
  base64: string,
): tf.LayersModel {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return restored(
    () => buildNetwork(NETWORKS[name as keyof typeof NETWORKS], options),
    readSafetensors(bytes, file).tensors,
  );
}
