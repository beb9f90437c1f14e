// Networks as folders: what `gmr export` writes, for tests.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { writeSafetensors } from "@gmr-conv/io";
import { stateDictOf } from "@gmr-conv/io/layers";
import { layersModelFiles } from "@gmr-conv/io/node";
import { loadPretrained, pretrainedCards } from "@gmr-conv/models";
import { createModel } from "@gmr-conv/models/registry";
import { foldModel } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import type { NetworkDescription } from "../src/description.ts";

async function write(folder: string, model: tf.LayersModel, description: NetworkDescription): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "network.json"), JSON.stringify(description));
  writeFileSync(path.join(folder, description.weights), writeSafetensors(await stateDictOf(model)));
}

const FORMAT = { format: "gmr-conv network", version: 1, weights: "weights.safetensors" } as const;

/** The pretrained network for digits. */
export async function writeDigits(folder: string): Promise<tf.LayersModel> {
  const [card] = pretrainedCards();
  const model = await loadPretrained("gmr-mnist");
  await write(folder, model, {
    ...FORMAT,
    task: "classification",
    network: card.model,
    shape: [28, 28, 1],
    classNames: card.classNames,
    normalization: null,
    reading: {},
    card: { title: card.name, text: card.description },
  });
  return model;
}

/** The same folded to stock layers, as a layers model. */
export async function writeFolded(folder: string, model: tf.LayersModel, digits: string): Promise<void> {
  const { network: _, ...description } = JSON.parse(readFileSync(path.join(digits, "network.json"), "utf8"));
  const folded = foldModel(model);
  await folded.save(layersModelFiles(path.join(folder, "model")));
  folded.dispose();
  const text = JSON.stringify({ ...description, weights: "model/model.json" });
  writeFileSync(path.join(folder, "network.json"), text);
}

/** A classifier of colour images with random weights, whose answers spread over its classes. */
export async function writeColours(folder: string): Promise<tf.LayersModel> {
  const options = { inputShape: [64, 64, 3], classes: 5, depths: [1, 1], widths: [8, 16], seed: 7 };
  const model = createModel("gmr-resnet18", options);
  await write(folder, model, {
    ...FORMAT,
    task: "classification",
    network: { name: "gmr-resnet18", options },
    shape: [64, 64, 3],
    classNames: ["a", "b", "c", "d", "e"],
    normalization: { mean: [0.5, 0.45, 0.4], std: [0.25, 0.25, 0.3] },
    reading: { background: [255, 255, 255] },
    card: { title: "Colours" },
  });
  return model;
}

/** A network for segmentation with random weights. */
export async function writeSegmenter(folder: string): Promise<tf.LayersModel> {
  const options = {
    inputShape: [null, null, 3],
    classes: 3,
    levels: 2,
    features: [4, 8, 8, 4],
    kernelSizes: [5, 5, 3],
    seed: 3,
  };
  const model = createModel("gmr-unet", options);
  await write(folder, model, {
    ...FORMAT,
    task: "segmentation",
    network: { name: "gmr-unet", options },
    shape: [32, 32, 3],
    classNames: ["background", "left", "right"],
    normalization: null,
    reading: {},
    card: { title: "Parts" },
  });
  return model;
}
