// The folder of an exported network: its description, and its weights.

import { mkdirSync } from "node:fs";
import path from "node:path";
import { checkKeys, GmrError, type KeysOf } from "@gmr-conv/core";
import { readSafetensors, writeSafetensors } from "@gmr-conv/io";
import { loadStateDict, stateDictOf } from "@gmr-conv/io/layers";
import { readFileBytes, readLayersModel, writeFileAtomically, writeLayersModel } from "@gmr-conv/io/node";
import { createModel, type ModelName, registerModelLayers } from "@gmr-conv/models";
import { foldModel } from "@gmr-conv/tfjs";
import {
  DESCRIPTION_FILE,
  type NetworkDescription,
  parseNetworkDescription,
} from "@gmr-conv/web/description";
import type * as tf from "@tensorflow/tfjs";

const WEIGHTS = "weights.safetensors";
const FOLDED = "model.json";

export interface WriteOptions {
  /** Store stock layers only, with kernels in place of rings: larger, but any TensorFlow.js reads it. Default false. */
  folded?: boolean | undefined;
}

const KEYS: KeysOf<WriteOptions> = { folded: true };

/**
 * Writes a trained network for `loadNetwork` in pages and {@link openClassifier} in Node.
 * @param description without the name of the weights file
 * @throws GmrError `io` if the folder cannot be written
 */
export async function writeNetworkFolder(
  folder: string,
  model: tf.LayersModel,
  description: Omit<NetworkDescription, "weights">,
  options: WriteOptions = {},
): Promise<void> {
  const { folded = false } = checkKeys("the options of writeNetworkFolder", options, KEYS);
  const { network, ...rest } = description;
  const complete: NetworkDescription = folded
    ? { ...rest, weights: FOLDED }
    : { ...rest, ...(network && { network }), weights: WEIGHTS };
  mkdirSync(folder, { recursive: true });
  if (folded) {
    const stock = foldModel(model);
    await writeLayersModel(stock, folder);
    stock.dispose();
  } else {
    const tensors = writeSafetensors(await stateDictOf(model), { format: "pt" });
    writeFileAtomically(path.join(folder, WEIGHTS), tensors);
  }
  const text = `${JSON.stringify(complete, undefined, 2)}\n`;
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
  registerModelLayers();
  if (!network) return readLayersModel(file);
  const { tensors } = readSafetensors(await readFileBytes(file), file);
  const model = createModel(network.name as ModelName, network.options as never);
  try {
    loadStateDict(model, tensors);
    return model;
  } catch (error) {
    model.dispose();
    if (error instanceof GmrError)
      throw new GmrError(error.code, `${file}: ${error.message}`, { cause: error });
    throw error;
  }
}
