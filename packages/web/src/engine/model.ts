// A network from the files of its folder.

import { describeValue, GmrError, reasonOf } from "@gmr-conv/core";
import { readSafetensors } from "@gmr-conv/io";
import { registerGroupLayers } from "@gmr-conv/models/groups";
import { restoreNetwork } from "@gmr-conv/models/stored";
import * as tf from "@tensorflow/tfjs";
import type { NetworkDescription } from "../description.ts";
import { fetchBytes, fetchText } from "./fetchFile.ts";

/** The bytes of a network's weights: of one safetensors file, or of a layers model. */
export type WeightFiles = Uint8Array<ArrayBuffer> | tf.io.ModelArtifacts;

const WHAT = "the weights of the network";

/**
 * Fetches the weights that a description names.
 * @param address of the description
 * @throws GmrError `io`, `invalid-data`; the signal's reason
 */
export async function fetchWeights(
  address: string,
  { network, weights }: NetworkDescription,
  signal: AbortSignal,
  onProgress: (loaded: number, total: number | undefined) => void,
): Promise<WeightFiles> {
  const file = new URL(weights, address).href;
  if (network) return fetchBytes(file, WHAT, signal, onProgress);
  const text = await fetchText(file, "a layers model (model.json)", signal);
  let json: tf.io.ModelJSON;
  try {
    json = JSON.parse(text) as tf.io.ModelJSON;
  } catch {
    throw new GmrError(
      "invalid-data",
      `${file}: expected a layers model (model.json), got ${describeValue(text)}`,
    );
  }
  if (!json?.modelTopology || !Array.isArray(json.weightsManifest)) {
    throw new GmrError("invalid-data", `${file}: this is not a layers model (model.json) of TensorFlow.js`);
  }
  return tf.io.getModelArtifactsForJSON(json, async (manifest) => {
    const specs = manifest.flatMap((group) => group.weights);
    const expected = specs.reduce((sum, { shape, dtype }) => {
      const bytes = dtype === "bool" ? 1 : 4;
      return sum + shape.reduce((a, b) => a * b, bytes);
    }, 0);
    const parts: Uint8Array<ArrayBuffer>[] = [];
    let before = 0;
    for (const path of manifest.flatMap((group) => group.paths)) {
      const part = await fetchBytes(new URL(path, file).href, WHAT, signal, (loaded) =>
        onProgress(before + loaded, expected),
      );
      parts.push(part);
      before += part.length;
    }
    const plain = specs.every(({ quantization, dtype }) => !quantization && dtype !== "string");
    if (plain && before !== expected) {
      throw new GmrError(
        "invalid-data",
        `${file}: its weights are ${expected} bytes, the files have ${before}`,
      );
    }
    return [specs, await new Blob(parts).arrayBuffer()];
  });
}

/**
 * Makes the network on the active backend.
 * @throws GmrError `invalid-data` for weights of another network; `invalid-argument` for an unknown network
 */
export async function makeModel(
  description: NetworkDescription,
  files: WeightFiles,
  address: string,
): Promise<tf.LayersModel> {
  const { network, weights } = description;
  const file = new URL(weights, address).href;
  registerGroupLayers();
  let model: tf.LayersModel | undefined;
  try {
    if (network && files instanceof Uint8Array) {
      model = restoreNetwork(network, readSafetensors(files, file).tensors);
    } else {
      model = await tf.loadLayersModel(tf.io.fromMemory(files as tf.io.ModelArtifacts));
    }
    checkFits(model, description, address);
    return model;
  } catch (error) {
    model?.dispose();
    if (error instanceof GmrError) throw error;
    throw new GmrError("invalid-data", `${file}: the network could not be made of it: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

/** What a description says of its network must be true. */
function checkFits(model: tf.LayersModel, description: NetworkDescription, address: string): void {
  const { task, shape, classNames } = description;
  const input = model.inputs[0].shape.slice(1);
  const output = model.outputs[0].shape.slice(1);
  const maps = task === "segmentation";
  const fits =
    input.length === 3 &&
    input.every((length, axis) => length === null || length === shape[axis]) &&
    output.length === (maps ? 3 : 1) &&
    output[output.length - 1] === classNames.length;
  if (fits) return;
  const sizes = (of: (number | null)[]): string => of.map((length) => length ?? "any").join(", ");
  throw new GmrError(
    "invalid-data",
    `${address}: the network takes [${sizes(input)}] and gives [${sizes(output)}], which is not ${task} of ` +
      `[${shape.join(", ")}] into ${classNames.length} classes`,
  );
}
