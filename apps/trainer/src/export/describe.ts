// A trained network as its exported folder describes it.

import { existsSync } from "node:fs";
import path from "node:path";
import { GmrError } from "@gmr-conv/core";
import { pretrainedCards } from "@gmr-conv/models";
import type { NetworkDescription } from "@gmr-conv/web/description";
import type * as tf from "@tensorflow/tfjs";
import { openPredictor } from "../predict/source.ts";
import { RunFolder } from "../runs/runFolder.ts";
import { cardOfPretrained, cardOfRun } from "./card.ts";

export interface Exported {
  model: tf.LayersModel;
  description: Omit<NetworkDescription, "weights">;
}

/**
 * The network of a run (its folder), or a pretrained one by name, with everything needed to use it elsewhere.
 * @param title instead of the run's
 * @throws GmrError `unsupported` for volumes; as `openPredictor`
 */
export async function describeNetwork(
  source: string,
  name: string | undefined,
  title: string | undefined,
): Promise<Exported> {
  const predictor = await openPredictor(source, name);
  const { model, task, shape, classNames, normalization, reading, network, digest } = predictor;
  if (shape.length !== 3) {
    model.dispose();
    throw new GmrError(
      "unsupported",
      `the network of ${source} is for volumes [${shape}], and exports read images: use gmr predict, or write ONNX ` +
        "with gmr convert",
    );
  }
  const { seed: _, ...options } = network.options;
  const pretrained = pretrainedCards().find((card) => card.name === source);
  const card =
    pretrained && !existsSync(path.join(source, "config.json"))
      ? cardOfPretrained(pretrained)
      : await cardOfRun(RunFolder.at(source), name, digest, model.countParams());
  return {
    model,
    description: {
      format: "gmr-conv network",
      version: 1,
      task,
      network: { name: network.name, options },
      shape: [...shape] as NetworkDescription["shape"],
      classNames: [...classNames],
      normalization: normalization ? { mean: [...normalization.mean], std: [...normalization.std] } : null,
      reading,
      card: title === undefined ? card : { ...card, title },
    },
  };
}
