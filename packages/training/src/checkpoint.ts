// A checkpoint holds all that training needs to continue: weights, their averages if any, optimiser state and
// position. It is one safetensors file, replaced as a whole; the ones before it move on to other names.

import { codeOf, GmrError, reasonOf } from "@gmr-conv/core";
import { readSafetensors, type StoredTensor, toFloat32, writeSafetensors } from "@gmr-conv/io";
import type { ExponentialMovingAverage } from "@gmr-conv/models/training";
import * as tf from "@tensorflow/tfjs";
import { digestOf } from "./digest.ts";
import type { Optimizer } from "./optimizer.ts";
import type { Storage } from "./storage/storage.ts";
import { assign, modelVariables, stored } from "./variables.ts";

/** The ending of files with the best weights. */
export const BEST_SUFFIX = ".best.safetensors";

/** The file of a checkpoint. @param age 0 for the newest one, 1 for the one before it, … */
export const checkpointName = (network: string, age = 0): string =>
  `${network}.checkpoint${age === 0 ? "" : `-${age}`}.safetensors`;

const CHECKPOINT = /^(.*)\.checkpoint(?:-([1-9]\d*))?\.safetensors$/;

/** The age of a checkpoint by the name of its file, or undefined if it is none, or none of the network. */
export function checkpointAge(file: string, network?: string): number | undefined {
  const [, of, age = "0"] = CHECKPOINT.exec(file) ?? [];
  return of === undefined || (network !== undefined && of !== network) ? undefined : Number(age);
}

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
  const { bytes, digest } = await packWeights(model, position, state);
  await storage.write(file, bytes);
  return digest;
}

/** The content of a file with weights, as {@link saveWeights} writes it. */
export async function packWeights(
  model: tf.LayersModel,
  position: Position,
  state?: TrainingState,
): Promise<{ bytes: Uint8Array; digest: string }> {
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
  return { bytes: writeSafetensors(tensors, { position: described, digest }), digest };
}

/** Identifies the content of a file and reveals damage. */
function digestOfFile(tensors: Iterable<[string, StoredTensor]>, position: string): Promise<string> {
  const parts: (ArrayBufferView | string)[] = [`${position}\n`];
  for (const [name, tensor] of tensors) parts.push(`${name} [${tensor.shape}]\n`, tensor.data);
  return digestOf(parts);
}

/** The content of a file with weights. */
export interface WeightsFile {
  /** Its name in messages. */
  file: string;
  tensors: Map<string, StoredTensor>;
  position: Position;
  digest: string;
}

/** A file written by {@link saveWeights}, or undefined. @throws GmrError `invalid-data` for a damaged one */
export async function readWeightsFile(storage: Storage, name: string): Promise<WeightsFile | undefined> {
  const bytes = await storage.read(name);
  return bytes && unpackWeights(bytes, storage.describe(name));
}

/** The reverse of {@link packWeights}. @throws GmrError `invalid-data` for damaged content, naming the file */
export async function unpackWeights(bytes: Uint8Array, file: string): Promise<WeightsFile> {
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

/** The newest checkpoint that is whole. */
export interface NewestCheckpoint extends WeightsFile {
  /** The number of newer ones, which are damaged or missing. */
  age: number;
  /** What is wrong with them, naming each. */
  problems: string[];
}

/**
 * The newest checkpoint of a network that is whole, or undefined if there is none at all.
 * @throws GmrError `invalid-data` if there are some and all are damaged; `io` if one cannot be read for a reason that is
 *   not its own
 */
export async function readCheckpoint(
  storage: Storage,
  network: string,
): Promise<NewestCheckpoint | undefined> {
  const ages = (await storage.list()).flatMap((name) => checkpointAge(name, network) ?? []);
  const problems: string[] = [];
  let damaged = false;
  for (const age of [...new Set([0, ...ages])].sort((a, b) => a - b)) {
    const name = checkpointName(network, age);
    try {
      const found = await readWeightsFile(storage, name);
      if (found) return { ...found, age, problems };
      problems.push(`${storage.describe(name)} is missing`);
    } catch (error) {
      if (!isDamage(error)) throw error;
      damaged = true;
      problems.push(reasonOf(error));
    }
  }
  if (!damaged) return undefined;
  throw new GmrError(
    "invalid-data",
    `${problems.join("; ")}: no whole checkpoint of ${network} is left; restore one from a copy, or delete them to ` +
      "start over",
  );
}

/** Failures to read a file that are its own and last: of its content, its place on the device, or what is there. */
const UNREADABLE = ["EIO", "EISDIR", "UnknownError", "NotReadableError", "DataError"];

/** Whether a file cannot be read because it is damaged. */
export function isDamage(error: unknown): boolean {
  if (codeOf(error) === "invalid-data") return true;
  const cause = error instanceof Error ? error.cause : undefined;
  return UNREADABLE.includes(codeOf(cause) ?? (cause instanceof Error ? cause.name : ""));
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
 * @param onWarning called with what is wrong if the file is damaged and older weights are used in its place; without it,
 *   that is an error
 * @returns the digest of its file, and the position of training
 * @throws GmrError `io` if there are none; `invalid-data` if they are damaged or as {@link restoreWeights}
 */
export async function loadTrained(
  storage: Storage,
  network: string,
  model: tf.LayersModel,
  which: Which = "last",
  onWarning?: (text: string) => void,
): Promise<{ digest: string; position: Position }> {
  const found =
    (which === "best" ? await readBest(storage, network, onWarning) : undefined) ??
    (await readLast(storage, network, onWarning));
  await restoreWeights(found, model);
  return { digest: found.digest, position: found.position };
}

async function readBest(
  storage: Storage,
  network: string,
  onWarning: ((text: string) => void) | undefined,
): Promise<WeightsFile | undefined> {
  try {
    return await readWeightsFile(storage, bestName(network));
  } catch (error) {
    if (!isDamage(error)) throw error;
    const problem = reasonOf(error);
    if (!onWarning) {
      throw new GmrError(
        "invalid-data",
        `${problem}: delete it to use the last weights in place of the best`,
      );
    }
    onWarning(`${problem}: the last weights are used in place of the best`);
    return undefined;
  }
}

async function readLast(
  storage: Storage,
  network: string,
  onWarning: ((text: string) => void) | undefined,
): Promise<WeightsFile> {
  const found = await readCheckpoint(storage, network);
  if (!found) {
    throw new GmrError(
      "io",
      `network ${JSON.stringify(network)} has no checkpoint (${storage.describe(checkpointName(network))}): ` +
        "train it first",
    );
  }
  if (found.age === 0) return found;
  const problem = found.problems.join("; ");
  const whole = `${found.file}, of step ${found.position.step}`;
  if (!onWarning) {
    throw new GmrError(
      "invalid-data",
      `${problem}: resume the training, which goes on from the checkpoint before it (${whole}) and ends with the same weights`,
    );
  }
  onWarning(
    `${problem}: the checkpoint before it is used (${whole}); resuming the training restores the last one`,
  );
  return found;
}
