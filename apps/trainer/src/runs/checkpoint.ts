// A checkpoint holds all that training needs to go on: weights, their averages where there are some, optimiser state and
// position. One safetensors file per network, replaced as a whole.

import { createHash } from "node:crypto";
import { describeValue, GmrError } from "@gmr-conv/core";
import { readSafetensors, type StoredTensor, toFloat32, writeSafetensors } from "@gmr-conv/io";
import type { ExponentialMovingAverage } from "@gmr-conv/models";
import * as tf from "@tensorflow/tfjs";
import { assign, type Optimizer, stored } from "../training/optimizer.ts";
import { modelVariables } from "../training/variables.ts";
import { CHECKPOINT_SUFFIX, type RunFolder } from "./runFolder.ts";

export interface Position {
  /** Steps done, over all epochs. */
  step: number;
  /** Training time so far, seconds. */
  seconds: number;
  /** {@link digestOf} the images and labels of the training. */
  data?: string | undefined;
}

/** The SHA-256 of arrays, one after the other. */
export function digestOf(arrays: Iterable<NodeJS.ArrayBufferView | string>): string {
  const hash = createHash("sha256");
  for (const array of arrays) hash.update(array);
  return `sha256:${hash.digest("hex")}`;
}

/** What training remembers besides the weights. */
export interface TrainingState {
  optimizer: Optimizer;
  average: ExponentialMovingAverage | undefined;
}

/** The file of a network's checkpoint in the run's folder. */
export const checkpointName = (network: string): string => `${network}${CHECKPOINT_SUFFIX}`;

/** Writes the checkpoint of a network. */
export async function saveCheckpoint(
  run: RunFolder,
  network: string,
  model: tf.LayersModel,
  { optimizer, average }: TrainingState,
  position: Position,
): Promise<string> {
  const tensors: [string, StoredTensor][] = [];
  for (const [name, variable] of modelVariables(model))
    tensors.push([`model/${name}`, await stored(variable)]);
  const averages = average?.save() ?? {};
  for (const [name, tensor] of Object.entries(averages))
    tensors.push([`average/${name}`, await stored(tensor)]);
  tf.dispose(averages);
  for (const [name, tensor] of await optimizer.save()) tensors.push([`optimizer/${name}`, tensor]);
  const metadata = {
    step: String(position.step),
    seconds: String(position.seconds),
    ...(position.data === undefined ? {} : { data: position.data }),
  };
  const bytes = writeSafetensors(tensors, { ...metadata, digest: digestOfCheckpoint(tensors, metadata) });
  run.write(checkpointName(network), bytes);
  return run.file(checkpointName(network));
}

/** Tells one checkpoint from every other, and a damaged one from what was written. */
function digestOfCheckpoint(
  tensors: Iterable<[string, StoredTensor]>,
  { step, seconds, data = "" }: Record<string, string>,
): string {
  const parts: (NodeJS.ArrayBufferView | string)[] = [step, seconds, data].map((text) => `${text}\n`);
  for (const [name, tensor] of tensors) parts.push(`${name} [${tensor.shape}]\n`, tensor.data);
  return digestOf(parts);
}

/** Where a network's training stands, or undefined if it has no checkpoint. @throws GmrError `invalid-data` */
export async function checkpointPosition(run: RunFolder, network: string): Promise<Position | undefined> {
  return (await readCheckpoint(run, network))?.position;
}

async function readCheckpoint(
  run: RunFolder,
  network: string,
): Promise<{ tensors: Map<string, StoredTensor>; position: Position; digest: string } | undefined> {
  const name = checkpointName(network);
  const bytes = await run.read(name);
  if (!bytes) return undefined;
  const file = run.file(name);
  const { tensors, metadata } = readSafetensors(bytes, file);
  const step = number(metadata.step, file);
  if (!Number.isInteger(step))
    throw new GmrError("invalid-data", `${file}: step ${step}, expected an integer`);
  const position = { step, seconds: number(metadata.seconds, file), data: metadata.data };
  const digest = digestOfCheckpoint(tensors, metadata);
  // Checkpoints of earlier versions have none.
  if (metadata.digest !== undefined && metadata.digest !== digest) {
    throw new GmrError(
      "invalid-data",
      `${file} is damaged: its content does not have the digest ${metadata.digest}`,
    );
  }
  return { tensors, position, digest };
}

/**
 * Restores a network from its checkpoint: to go on training where a state is given, otherwise for use, with the averages
 * of its weights where there are some.
 * @returns where training stood, and the checkpoint's digest, or undefined if there is no checkpoint
 * @throws GmrError `invalid-data` if the file is damaged or of another network
 */
export async function loadCheckpoint(
  run: RunFolder,
  network: string,
  model: tf.LayersModel,
  state?: TrainingState,
): Promise<{ position: Position; digest: string } | undefined> {
  const checkpoint = await readCheckpoint(run, network);
  if (!checkpoint) return undefined;
  const find = (key: string, shape: readonly number[]): StoredTensor => {
    const tensor = checkpoint.tensors.get(key);
    if (tensor && tensor.shape.join() === shape.join()) return tensor;
    const found = tensor ? `has shape [${tensor.shape}]` : "is missing";
    throw new GmrError(
      "invalid-data",
      `${run.file(checkpointName(network))}: tensor ${key} ${found}, expected shape [${shape}]: ` +
        "was it written for another network?",
    );
  };
  const variables = modelVariables(model);
  const weights = !state && checkpoint.tensors.has("average/steps") ? "average" : "model";
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
  return { position: checkpoint.position, digest: checkpoint.digest };
}

/**
 * Restores a trained network.
 * @returns the digest of its checkpoint
 * @throws GmrError `io` if it has no checkpoint; as {@link loadCheckpoint}
 */
export async function requireCheckpoint(
  run: RunFolder,
  network: string,
  model: tf.LayersModel,
): Promise<string> {
  const found = await loadCheckpoint(run, network, model);
  if (found) return found.digest;
  throw new GmrError(
    "io",
    `network ${describeValue(network)} has no checkpoint in ${run.folder}: train it first`,
  );
}

function number(text: string | undefined, file: string): number {
  const value = Number(text);
  if (text !== undefined && text.trim() !== "" && Number.isFinite(value) && value >= 0) return value;
  throw new GmrError(
    "invalid-data",
    `${file}: metadata holds ${JSON.stringify(text)}, expected a number of at least 0`,
  );
}
