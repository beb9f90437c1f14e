// A model's variables, by names that do not depend on other models in the process.

import { GmrError } from "@gmr-conv/core";
import { type StoredTensor, toFloat32 } from "@gmr-conv/io";
import { decaysWeight } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";

/**
 * The names, as in {@link modelVariables}, of the weights that decay.
 * @param exclude regular expressions on names
 * @throws GmrError `invalid-argument` for an invalid expression
 */
export function decayedWeights(model: tf.LayersModel, exclude: readonly string[] = []): Set<string> {
  const excluded = exclude.map((pattern) => {
    try {
      return new RegExp(pattern);
    } catch {
      throw new GmrError(
        "invalid-argument",
        `optimizer.exclude: ${JSON.stringify(pattern)} is not a regular expression`,
      );
    }
  });
  const names = model.layers.flatMap((layer) =>
    layer.weights.map(({ originalName }) => originalName).filter((name) => decaysWeight(layer, name)),
  );
  return new Set(names.filter((name) => !excluded.some((pattern) => pattern.test(name))));
}

/** All weights of a model, or the trainable ones, by `layer/weight`. */
export function modelVariables(model: tf.LayersModel, trainableOnly = false): Map<string, tf.Variable> {
  const weights = trainableOnly ? model.trainableWeights : model.weights;
  return new Map(
    weights.map((weight) => {
      const variable = weight.read();
      if (variable instanceof tf.Variable) return [weight.originalName, variable];
      throw new GmrError("internal", `weight ${weight.originalName} is not a variable`);
    }),
  );
}

/** A tensor's values, to be written to a file. */
export async function stored(tensor: tf.Tensor): Promise<StoredTensor> {
  return { shape: [...tensor.shape], data: Float32Array.from(await tensor.data()) };
}

/** Sets a variable to values from a file. */
export function assign(variable: tf.Variable, tensor: StoredTensor): void {
  tf.tidy(() => variable.assign(tf.tensor(toFloat32(tensor), tensor.shape)));
}
