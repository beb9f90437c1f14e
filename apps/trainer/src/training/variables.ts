// A model's variables under names that do not depend on what else was built in the process.

import { GmrError } from "@gmr-conv/core";
import { decaysWeight } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";

/** Names, as in {@link modelVariables}, of the weights that weight decay acts on. */
export function decayedWeights(model: tf.LayersModel): Set<string> {
  const names = model.layers.flatMap((layer) =>
    layer.weights.map(({ originalName }) => originalName).filter((name) => decaysWeight(layer, name)),
  );
  return new Set(names);
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
