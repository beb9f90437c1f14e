// A checkpoint holds all that training needs to continue: weights, their averages if any, optimiser state and
// position. It is one safetensors file, replaced as a whole.

import { GmrError, reasonOf } from "@gmr-conv/core";
import { readSafetensors, type StoredTensor, toFloat32, writeSafetensors } from "@gmr-conv/io";
import type { ExponentialMovingAverage } from "@gmr-conv/models/training";
import * as tf from "@tensorflow/tfjs";
import { digestOf } from "./digest.ts";
import type { Optimizer } from "./optimizer.ts";
import type { Storage } from "./storage/storage.ts";
import { assign, modelVariables, stored } from "./variables.ts";

/** The ending of checkpoint files. */
export const CHECKPOINT_SUFFIX = ".checkpoint.safetensors";

/** The ending of files with the best weights. */
export const BEST_SUFFIX = ".best.safetensors";

export const checkpointName = (network: string): string => `${network}${CHECKPOINT_SUFFIX}`;
export const bestName = (network: string): string => `${network}${BEST_SUFFIX}`;

/** The best validation. */
export interface BestSoFar {
  /** Epochs done by then. */
  epoch: number;
  /** Accuracy, or mean Dice. */
  score: number;
}

/** Where a training stands. */
export interface Position {
  /** Steps done, over all epochs. */
  step: number;
  /** Training time so far, seconds. */
  seconds: number;
  /** {@link fingerprint} of the training images. */
  data: string;
  /** The best validation so far. */
  best?: BestSoFar | undefined;
  /** Validations since then. */
  sinceBest: number;
  /** Why training is over, before its last epoch or after it. */
  finished?: "epochs" | "early" | undefined;
}

/** The state of training besides the weights. */
export interface TrainingState {
  optimizer: Optimizer;
  average: ExponentialMovingAverage | undefined;
}

/** Writes weights to a file, with the state of training if it is to continue from there. @returns its digest */
export async function saveWeights(
  storage: Storage,
  file: string,
  model: tf.LayersModel,
  position: Position,
  state?: TrainingState,
): Promise<string> {
  const tensors: [string, StoredTensor][] = [];
  for (const [name, variable] of modelVariables(model))
    tensors.push([`model/${name}`, await stored(variable)]);
  const averages = state?.average?.save() ?? {};
  for (const [name, tensor] of Object.entries(averages))
    tensors.push([`average/${name}`, await stored(tensor)]);
  tf.dispose(averages);
  for (const [name, tensor] of (await state?.optimizer.save()) ?? [])
    tensors.push([`optimizer/${name}`, tensor]);
  const described = JSON.stringify(position);
  const digest = await digestOfFile(tensors, described);
  await storage.write(file, writeSafetensors(tensors, { position: described, digest }));
  return digest;
}

/** Identifies the content of a file and reveals damage. */
function digestOfFile(tensors: Iterable<[string, StoredTensor]>, position: string): Promise<string> {
  const parts: (ArrayBufferView | string)[] = [`${position}\n`];
  for (const [name, tensor] of tensors) parts.push(`${name} [${tensor.shape}]\n`, tensor.data);
  return digestOf(parts);
}

interface WeightsFile {
  file: string;
  tensors: Map<string, StoredTensor>;
  position: Position;
  digest: string;
}

/** A file written by {@link saveWeights}, or undefined. @throws GmrError `invalid-data` for a damaged one */
export async function readWeightsFile(storage: Storage, name: string): Promise<WeightsFile | undefined> {
  const bytes = await storage.read(name);
  if (!bytes) return undefined;
  const file = storage.describe(name);
  const { tensors, metadata } = readSafetensors(bytes, file);
  const { position: text = "", digest: written } = metadata;
  const digest = await digestOfFile(tensors, text);
  if (written !== digest) {
    throw new GmrError(
      "invalid-data",
      `${file} is damaged: its content does not match the digest ${written}`,
    );
  }
  return { file, tensors, position: parsePosition(text, file), digest };
}

function parsePosition(text: string, file: string): Position {
  try {
    const position = JSON.parse(text) as Position;
    if (Number.isSafeInteger(position.step) && position.step >= 0) return position;
    throw new Error(`step ${position.step}`);
  } catch (error) {
    throw new GmrError(
      "invalid-data",
      `${file}: no valid training position in the metadata (${reasonOf(error)})`,
    );
  }
}

/**
 * Restores a network from a file: to continue training if a state is given, otherwise for use, with the averages of its
 * weights if there are any.
 * @throws GmrError `invalid-data` if the file belongs to another network
 */
export async function restoreWeights(
  { file, tensors }: WeightsFile,
  model: tf.LayersModel,
  state?: TrainingState,
): Promise<void> {
  const find = (key: string, shape: readonly number[]): StoredTensor => {
    const tensor = tensors.get(key);
    if (tensor && tensor.shape.join() === shape.join()) return tensor;
    const found = tensor ? `has shape [${tensor.shape}]` : "is missing";
    throw new GmrError(
      "invalid-data",
      `${file}: tensor ${key} ${found}, expected shape [${shape}]: was it written for another network?`,
    );
  };
  const variables = modelVariables(model);
  const weights = !state && tensors.has("average/steps") ? "average" : "model";
  for (const [key, variable] of variables) assign(variable, find(`${weights}/${key}`, variable.shape));
  state?.optimizer.restore((key, shape) => find(`optimizer/${key}`, shape));
  if (state?.average) {
    const shapes = new Map<string, readonly number[]>([["steps", []]]);
    for (const [key, { shape }] of variables) shapes.set(key, shape);
    const found = [...shapes].map(([key, shape]) => [key, find(`average/${key}`, shape)] as const);
    const averages = Object.fromEntries(
      found.map(([key, tensor]) => [key, tf.tensor(toFloat32(tensor), tensor.shape)]),
    );
    await state.average.load(averages);
    tf.dispose(averages);
  }
}

/** Which weights of a training to use. */
export type Which = "best" | "last";

/**
 * Restores a trained network for use: the weights with the best validation, or the last ones.
 * @returns the digest of its file, and the position of training
 * @throws GmrError `io` if there are none; `invalid-data` as {@link restoreWeights}
 */
export async function loadTrained(
  storage: Storage,
  network: string,
  model: tf.LayersModel,
  which: Which = "last",
): Promise<{ digest: string; position: Position }> {
  const best = which === "best" ? await readWeightsFile(storage, bestName(network)) : undefined;
  const found = best ?? (await readWeightsFile(storage, checkpointName(network)));
  if (!found) {
    throw new GmrError(
      "io",
      `network ${JSON.stringify(network)} has no checkpoint (${storage.describe(checkpointName(network))}): ` +
        "train it first",
    );
  }
  await restoreWeights(found, model);
  return { digest: found.digest, position: found.position };
}
