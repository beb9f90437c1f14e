// The folder of an exported network: its description, and its weights.

import { mkdirSync } from "node:fs";
import path from "node:path";
import { GmrError } from "@gmr-conv/core";
import { readSafetensors, writeSafetensors } from "@gmr-conv/io";
import { stateDictOf } from "@gmr-conv/io/layers";
import { readFileBytes, readLayersModel, writeFileAtomically, writeLayersModel } from "@gmr-conv/io/node";
import { registerGroupLayers } from "@gmr-conv/models/groups";
import { restoreNetwork } from "@gmr-conv/models/stored";
import {
  DESCRIPTION_FILE,
  type NetworkDescription,
  parseNetworkDescription,
} from "@gmr-conv/web/description";
import type * as tf from "@tensorflow/tfjs";

const WEIGHTS = "weights.safetensors";
const MODEL = "model.json";

/**
 * Writes a trained network for `loadNetwork` in pages and `openClassifier` in Node.
 * @param description without the name of the weights file. If it has no `network`, the model itself is stored: then it
 *   must be of stock layers, as `foldModel` of `@gmr-conv/tfjs` makes one
 * @throws GmrError `io` if the folder cannot be written
 */
export async function writeNetworkFolder(
  folder: string,
  model: tf.LayersModel,
  description: Omit<NetworkDescription, "weights">,
): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const weights = description.network ? WEIGHTS : MODEL;
  if (description.network) {
    const tensors = writeSafetensors(await stateDictOf(model), { format: "pt" });
    writeFileAtomically(path.join(folder, weights), tensors);
  } else {
    await writeLayersModel(model, folder);
  }
  const text = `${JSON.stringify({ ...description, weights }, undefined, 2)}\n`;
  writeFileAtomically(path.join(folder, DESCRIPTION_FILE), text);
}

/**
 * Reads the folder of an exported network.
 * @throws GmrError `io` for missing files; `invalid-data` for damaged ones
 */
export async function readNetworkFolder(
  folder: string,
): Promise<{ description: NetworkDescription; model: tf.LayersModel }> {
  const file = path.join(folder, DESCRIPTION_FILE);
  const description = parseNetworkDescription(new TextDecoder().decode(await readFileBytes(file)), file);
  return { description, model: await readModel(folder, description) };
}

async function readModel(folder: string, { network, weights }: NetworkDescription): Promise<tf.LayersModel> {
  const file = path.join(folder, weights);
  registerGroupLayers();
  if (!network) return readLayersModel(file);
  const { tensors } = readSafetensors(await readFileBytes(file), file);
  try {
    return restoreNetwork(network, tensors);
  } catch (error) {
    if (error instanceof GmrError)
      throw new GmrError(error.code, `${file}: ${error.message}`, { cause: error });
    throw error;
  }
}
