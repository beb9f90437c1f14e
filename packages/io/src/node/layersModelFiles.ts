// The TensorFlow.js layers format on disk: `model.json` with the weights in binary files beside it. TensorFlow.js
// itself offers it only in browsers and with its native Node backend.

import { mkdirSync } from "node:fs";
import path from "node:path";
import { describeValue, GmrError, reasonOf, typeName } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { readFileBytes, writeFileAtomically } from "./files.ts";

const WEIGHTS_FILE = "weights.bin";

/**
 * A handler for `model.save` and `tf.loadLayersModel`.
 * @param location the model's folder, or the path of its `model.json`
 */
export function layersModelFiles(location: string): Required<tf.io.IOHandler> {
  const json = location.endsWith(".json") ? location : path.join(location, "model.json");
  return {
    load: () => loadArtifacts(json),
    save: async (artifacts) => saveArtifacts(json, artifacts),
  };
}

/** Loads a layers model from a folder or `model.json`. @throws GmrError `io` or `invalid-data`, naming the file */
export async function readLayersModel(location: string): Promise<tf.LayersModel> {
  const artifacts = await loadArtifacts(
    location.endsWith(".json") ? location : path.join(location, "model.json"),
  );
  try {
    return await tf.loadLayersModel(tf.io.fromMemory(artifacts));
  } catch (error) {
    throw new GmrError("invalid-data", `${location} is not a model: ${reason(error)}`, { cause: error });
  }
}

/** Saves a layers model to a folder, which is created if necessary. @throws GmrError `io`, naming the file */
export async function writeLayersModel(model: tf.LayersModel, folder: string): Promise<void> {
  await model.save(layersModelFiles(folder));
}

async function loadArtifacts(file: string): Promise<tf.io.ModelArtifacts> {
  const text = new TextDecoder().decode(await readFileBytes(file));
  let json: tf.io.ModelJSON;
  try {
    json = JSON.parse(text) as tf.io.ModelJSON;
  } catch (error) {
    throw new GmrError("invalid-data", `${file} is not JSON: ${reason(error)}`, { cause: error });
  }
  if (typeof json !== "object" || json === null || !json.modelTopology) {
    throw new GmrError("invalid-data", `${file} is not a TensorFlow.js model: it has no modelTopology`);
  }
  if (
    json.format === "graph-model" ||
    (typeof json.modelTopology === "object" && "node" in json.modelTopology)
  ) {
    throw new GmrError(
      "unsupported",
      `${file} is a TensorFlow.js graph model, whose layers are lost: convert the Keras model to a layers model ` +
        "(tensorflowjs_converter --output_format=tfjs_layers_model)",
    );
  }
  return tf.io.getModelArtifactsForJSON(json, async (manifest) => {
    const specs = manifest.flatMap(({ weights }) => weights);
    const parts: Uint8Array[] = [];
    for (const name of manifest.flatMap(({ paths }) => paths)) {
      parts.push(await readFileBytes(weightsPath(file, name)));
    }
    const bytes = Buffer.concat(parts);
    return [specs, bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)];
  });
}

/** A weights file lies beside the model: paths that lead elsewhere are rejected. */
function weightsPath(file: string, name: unknown): string {
  const folder = path.dirname(file);
  const found = path.resolve(folder, String(name));
  if (found.startsWith(path.resolve(folder) + path.sep)) return found;
  throw new GmrError(
    "invalid-data",
    `${file}: weights lie in ${describeValue(name)}, expected a file beside it`,
  );
}

function saveArtifacts(file: string, artifacts: tf.io.ModelArtifacts): tf.io.SaveResult {
  if (!artifacts.weightData || typeName(artifacts.modelTopology) === "ArrayBuffer") {
    throw new GmrError(
      "unsupported",
      "only models with weights and a topology in JSON can be saved to files",
    );
  }
  const { modelTopology, weightSpecs = [], weightData, ...rest } = artifacts;
  const weightsManifest = [{ paths: [WEIGHTS_FILE], weights: weightSpecs }];
  const json = { modelTopology, weightsManifest, ...rest };
  mkdirSync(path.dirname(file), { recursive: true });
  const buffers = Array.isArray(weightData) ? weightData : [weightData];
  writeFileAtomically(
    path.join(path.dirname(file), WEIGHTS_FILE),
    Buffer.concat(buffers.map((buffer) => new Uint8Array(buffer))),
  );
  writeFileAtomically(file, JSON.stringify(json));
  return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: "JSON" } };
}

const MAX_REASON = 300;

/** The first line of an error; the rest may quote a whole topology. */
function reason(error: unknown): string {
  const [line] = reasonOf(error).split("\n");
  return line.length > MAX_REASON ? `${line.slice(0, MAX_REASON)}…` : line;
}
