// A trained network as its exported folder describes it.

import { existsSync } from "node:fs";
import path from "node:path";
import { GmrError } from "@gmr-conv/core";
import { pretrainedCards } from "@gmr-conv/models";
import { foldModel } from "@gmr-conv/tfjs";
import { FORMAT, type NetworkDescription, VERSION } from "@gmr-conv/web/description";
import type * as tf from "@tensorflow/tfjs";
import { openPredictor } from "../predict/source.ts";
import { RunFolder } from "../runs/runFolder.ts";
import { cardOfPretrained, cardOfRun } from "./card.ts";

export interface Exported {
  model: tf.LayersModel;
  description: Omit<NetworkDescription, "weights">;
}

export interface DescribeOptions {
  /** Instead of the run's. */
  title?: string | undefined;
  /** Make it of stock layers, with kernels in place of rings. Default false. */
  folded?: boolean | undefined;
}

/**
 * The network of a run (its folder), or a pretrained one by name, with everything needed to use it elsewhere.
 * @throws GmrError `unsupported` for volumes and networks that cannot be folded; as `openPredictor`
 */
export async function describeNetwork(
  source: string,
  name: string | undefined,
  { title, folded = false }: DescribeOptions,
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
    model: folded ? fold(model) : model,
    description: {
      format: FORMAT,
      version: VERSION,
      task,
      ...(folded ? {} : { network: { name: network.name, options } }),
      shape: [...shape] as NetworkDescription["shape"],
      classNames: [...classNames],
      normalization: normalization ? { mean: [...normalization.mean], std: [...normalization.std] } : null,
      reading,
      card: title === undefined ? card : { ...card, title },
    },
  };
}

function fold(model: tf.LayersModel): tf.LayersModel {
  try {
    return foldModel(model);
  } catch (error) {
    if (!(error instanceof GmrError)) throw error;
    const message = `this network cannot be folded for images of any size (${error.message}): leave out --folded`;
    throw new GmrError(error.code, message, { cause: error });
  }
}
