// Trained networks that come with the package: weights/NAME.safetensors with a card, weights/NAME.json.

import { describeValue, GmrError } from "@gmr-conv/core";
import type * as tf from "@tensorflow/tfjs";
import { PRETRAINED } from "./generated/pretrained.ts";
import type { ModelName } from "./registry.ts";

/** What a pretrained network is, where it comes from, and how well it performs. */
export interface ModelCard {
  name: string;
  description: string;
  /** For `createModel` of `@gmr-conv/models/registry`. */
  model: { name: ModelName; options: Record<string, unknown> };
  parameters: number;
  /** Digest of the checkpoint that the weights and the accuracy come from. */
  weights?: string;
  /** The data it was trained and tested on, their source and their licence. */
  data: {
    name: string;
    source: string;
    licence: string;
    train: number;
    test: number;
    /** Number of test images, spread evenly over all, that were turned and mirrored. */
    turned?: number;
  };
  /** The commands that produced it. */
  command: string;
  /** The input: what its numbers mean. */
  input: string;
  /** Normalisation of each channel before the network, `(x − mean) / std`, if it was trained with one. */
  normalization?: { mean: readonly number[]; std: readonly number[] };
  classNames: string[];
  /** Shares of test images classified correctly, from 0 to 1. */
  accuracy: {
    upright: number;
    /** Mean over all angles. */
    mean: number;
    worst: number;
    /** Degrees. */
    worstAngle: number;
    /** On images mirrored left to right, and upside down. */
    mirrored: number[];
    /** Accuracy at each angle in degrees. */
    angles: [angle: number, accuracy: number][];
  };
  licence: string;
}

export type PretrainedName = keyof typeof PRETRAINED;

/** The cards of all networks that come with the package. */
export function pretrainedCards(): ModelCard[] {
  return Object.values(PRETRAINED).map(({ card }) => card as unknown as ModelCard);
}

/**
 * A trained network, ready to use, offline. Its weights, and what reads them, are loaded on the first call.
 * @throws GmrError `invalid-argument` for an unknown name
 *
 * @example
 * const digits = await loadPretrained("gmr-mnist");
 * const [digit] = digits.predict(images).argMax(-1).dataSync(); // images [N, 28, 28, 1] from 0 to 1
 */
export async function loadPretrained(name: PretrainedName): Promise<tf.LayersModel> {
  if (!Object.hasOwn(PRETRAINED, name)) {
    throw new GmrError(
      "invalid-argument",
      `pretrained network must be one of ${Object.keys(PRETRAINED).join(", ")}, got ${describeValue(name)}`,
    );
  }
  const { card, load } = PRETRAINED[name];
  const [{ WEIGHTS_BASE64 }, { restoreEmbedded }] = await Promise.all([load(), import("./embedded.ts")]);
  const { model } = card as unknown as ModelCard;
  return restoreEmbedded(name, model, WEIGHTS_BASE64);
}
