// Weights that must be the same on all ranks.

import { GmrError } from "@gmr-conv/core";
import type { Communicator } from "@gmr-conv/distributed";
import * as tf from "@tensorflow/tfjs";
import { modelVariables } from "../variables.ts";

/** Gives all ranks the weights of rank 0. */
export async function shareWeights(communicator: Communicator, model: tf.LayersModel): Promise<void> {
  if (communicator.size === 1) return;
  const variables = [...modelVariables(model).values()];
  const all = communicator.rank === 0 ? await valuesOf(variables) : undefined;
  // Rank 0 may have waited for its disk.
  const bytes = await communicator.broadcast(all && new Uint8Array(all.buffer), true);
  if (!all) assignAll(variables, new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4));
}

/** Sets the weights that are not trained, such as moving averages, to their means over all ranks. */
export async function averageStatistics(communicator: Communicator, model: tf.LayersModel): Promise<void> {
  if (communicator.size === 1) return;
  const trained = new Set(modelVariables(model, true).values());
  const variables = [...modelVariables(model).values()].filter((variable) => !trained.has(variable));
  if (variables.length === 0) return;
  const all = await valuesOf(variables);
  await communicator.allReduce(all);
  assignAll(
    variables,
    all.map((value) => value / communicator.size),
  );
}

/** Difference of the ranks' weights, relative to the weights, that rounding cannot explain. */
const TOO_DIFFERENT = 1e-3;

/** @throws GmrError `invalid-data` if the trained weights are not the same on all ranks */
export async function checkAlike(communicator: Communicator, model: tf.LayersModel): Promise<void> {
  if (communicator.size === 1) return;
  const all = await valuesOf([...modelVariables(model, true).values()]);
  const size = Math.sqrt(all.reduce((sum, value) => sum + value * value, 0));
  const extremes = Float64Array.of(size, -size);
  await communicator.allReduce(extremes, "max");
  const [most, least] = [extremes[0], -extremes[1]];
  if (most - least <= TOO_DIFFERENT * most) return;
  throw new GmrError(
    "invalid-data",
    `the weights of the ranks have become different: their norms are ${least} to ${most}, ${size} on rank ` +
      `${communicator.rank}; do all ranks run the same version on the same backend?`,
  );
}

async function valuesOf(variables: readonly tf.Variable[]): Promise<Float32Array> {
  const all = new Float32Array(variables.reduce((sum, { size }) => sum + size, 0));
  let at = 0;
  for (const variable of variables) {
    all.set(await variable.data(), at);
    at += variable.size;
  }
  return all;
}

function assignAll(variables: readonly tf.Variable[], all: Float32Array): void {
  let at = 0;
  for (const variable of variables) {
    tf.tidy(() => variable.assign(tf.tensor(all.slice(at, at + variable.size), variable.shape)));
    at += variable.size;
  }
}
