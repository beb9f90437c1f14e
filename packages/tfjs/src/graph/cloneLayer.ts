// Copies of layers: same options and weights, in separate variables.

import { GmrError } from "@gmr-conv/core";
import type * as tf from "@tensorflow/tfjs";

/** A new layer of the same class; `changes` replace config entries. Its weights come from {@link copyWeights}. */
export function cloneLayer(
  layer: tf.layers.Layer,
  changes: tf.serialization.ConfigDict = {},
): tf.layers.Layer {
  const type = layer.constructor as tf.serialization.SerializableConstructor<tf.layers.Layer>;
  // Missing from the config of separable convolutions.
  const { depthMultiplier } = layer as { depthMultiplier?: number };
  const given = { ...layer.getConfig(), ...(depthMultiplier === undefined ? {} : { depthMultiplier }) };
  const clone = type.fromConfig(type, { ...given, ...changes });
  clone.setFastWeightInitDuringBuild(true); // the initial values are overwritten
  return clone;
}

/**
 * Copies a layer's weights, and which of them are trained, to its clone.
 * @throws GmrError `invalid-shape` if the clone was built for inputs of other sizes, so that its weights differ
 */
export function copyWeights(from: tf.layers.Layer, to: tf.layers.Layer): void {
  const sources = from.weights;
  const byName = new Map(sources.map((weight) => [weight.originalName, weight]));
  const targets = to.weights;
  // Layers list trained weights first, so freezing changes the order; names are the same where they are unique.
  const named =
    byName.size === sources.length && targets.every(({ originalName }) => byName.has(originalName));
  targets.forEach((target, i) => {
    const source = (named ? byName.get(target.originalName) : undefined) ?? sources[i];
    if (source.shape.join() !== target.shape.join()) {
      throw new GmrError(
        "invalid-shape",
        `weight ${source.originalName} [${source.shape}] does not fit the new inputs of layer ${from.name}, ` +
          `which need [${target.shape}]`,
      );
    }
    // `write` would apply constraints again, which changes numbers.
    (target.read() as tf.Variable).assign(source.read());
    target.trainable = source.trainable;
  });
}

/** A layer's weight by the last part of its name, such as `"kernel"`. */
export function weightNamed(layer: tf.layers.Layer, name: string): tf.LayerVariable | undefined {
  return layer.weights.find(({ originalName }) => originalName.split("/").at(-1) === name);
}

/** Calls a layer on symbolic tensors. */
export function applyLayer(
  layer: tf.layers.Layer,
  inputs: readonly tf.SymbolicTensor[],
  kwargs: Record<string, unknown> = {},
): tf.SymbolicTensor[] {
  const outputs = layer.apply(inputs.length === 1 ? inputs[0] : [...inputs], kwargs);
  return (Array.isArray(outputs) ? outputs : [outputs]) as tf.SymbolicTensor[];
}
