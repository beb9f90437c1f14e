// Trained networks for use: those of runs, and pretrained ones.

import { existsSync } from "node:fs";
import path from "node:path";
import { GmrError } from "@gmr-conv/core";
import type { Normalization, VoxelizeOptions } from "@gmr-conv/data";
import type { DatasetSpec, DecodeOptions } from "@gmr-conv/data/node";
import { loadPretrained, type PretrainedName, pretrainedCards } from "@gmr-conv/models";
import type { ModelName } from "@gmr-conv/models/registry";
import { loadTrained } from "@gmr-conv/training";
import type * as tf from "@tensorflow/tfjs";
import { makeNetwork, networkOptions } from "../config/resolve.ts";
import { RunFolder } from "../runs/runFolder.ts";

/** A network with everything needed to use it. */
export interface Predictor {
  model: tf.LayersModel;
  /** The arguments of `createModel` that made it. */
  network: { name: ModelName; options: Record<string, unknown> };
  /** The digest of the checkpoint that its weights come from; empty if it is not known. */
  digest: string;
  task: "classification" | "segmentation";
  /** [...sizes, channels] of what it was trained on. Networks for segmentation take images of any size. */
  shape: readonly number[];
  classNames: readonly string[];
  normalization: Normalization | undefined;
  /** How its training images were read. */
  reading: Pick<DecodeOptions, "resize" | "background" | "range">;
  /** How meshes became voxels. */
  meshes: Pick<VoxelizeOptions, "fit" | "solid">;
}

/**
 * The network of a run (its folder), or a pretrained one by name.
 * @param onWarning as in `loadTrained`
 * @throws GmrError `io` if neither exists; as `loadTrained`
 */
export async function openPredictor(
  source: string,
  network: string | undefined,
  onWarning?: (text: string) => void,
): Promise<Predictor> {
  const pretrained = pretrainedCards().find(({ name }) => name === source);
  if (pretrained && !existsSync(path.join(source, "config.json"))) {
    const model = await loadPretrained(source as PretrainedName);
    const { classNames, normalization } = pretrained;
    return {
      model,
      network: pretrained.model,
      digest: pretrained.weights ?? "",
      task: "classification",
      shape: model.inputs[0].shape.slice(1) as number[],
      classNames,
      normalization: normalization as Normalization | undefined,
      reading: {},
      meshes: {},
    };
  }
  if (!existsSync(path.join(source, "config.json"))) {
    const names = pretrainedCards().map(({ name }) => name);
    throw new GmrError(
      "io",
      `${source}: expected the folder of a run, such as runs/train, or a pretrained network (${names.join(", ")})`,
    );
  }
  const run = RunFolder.at(source);
  const { config, network: own } = await run.network(network);
  const { task, shape, classNames } = config.data;
  const anySize = task === "segmentation";
  const model = makeNetwork(own, config.data, anySize);
  const { digest } = await loadTrained(run.storage, own.name, model, own.train.select, onWarning);
  const sizes = own.train.augment?.size ?? shape.slice(0, -1);
  return {
    model,
    network: { name: own.model.name, options: networkOptions(own, config.data, anySize) },
    digest,
    task,
    shape: [...sizes, shape[shape.length - 1]],
    classNames,
    normalization: own.train.normalization,
    reading: readingOf(config.dataset),
    meshes: { fit: config.dataset.fit, solid: config.dataset.solid } as Predictor["meshes"],
  };
}

/** A data set's options for reading images. */
function readingOf({ resize, background, range }: DatasetSpec): Predictor["reading"] {
  return { resize, background, range } as Predictor["reading"];
}
