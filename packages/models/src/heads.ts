// Outputs of a network other than its logits.

import { describeValue, GmrError } from "@gmr-conv/core";
import { checkModel } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";

/**
 * A model that returns the maps at the end of some stages of a network, with the same input and weights.
 *
 * @param stages names of layers, or of stages such as `layer2` or `down_1`, which stand for their last layers
 * @throws GmrError `invalid-argument` for a name that is no layer's or stage's
 */
export function featureExtractor(model: tf.LayersModel, stages: readonly string[]): tf.LayersModel {
  checkModel(model);
  if (!Array.isArray(stages)) {
    throw new GmrError("invalid-argument", `stages must be a list of names, got ${describeValue(stages)}`);
  }
  const outputs = stages.map((stage) => {
    const layer =
      model.layers.find(({ name }) => name === stage) ??
      model.layers.filter(({ name }) => name.startsWith(`${stage}.`)).at(-1);
    if (layer) return layer.output as tf.SymbolicTensor;
    throw new GmrError(
      "invalid-argument",
      `stages must name layers of model ${model.name}, got ${describeValue(stage)}`,
    );
  });
  if (outputs.length === 0)
    throw new GmrError("invalid-argument", "stages must name at least one layer, got []");
  return tf.model({ inputs: model.inputs, outputs, name: `${model.name}-features` });
}

/**
 * A model that returns the features before the classifier, [N, C], with the same input and weights. For a GMR network
 * they are invariant to turns by 90° and to mirroring.
 *
 * @throws GmrError `invalid-argument` for a model that does not end in a dense classifier
 */
export function embedding(model: tf.LayersModel): tf.LayersModel {
  const last = checkModel(model).layers.at(-1);
  if (last?.getClassName() !== "Dense") {
    throw new GmrError(
      "invalid-argument",
      `model ${model.name} must end in a dense classifier, it ends in ${last?.getClassName()}`,
    );
  }
  return tf.model({ inputs: model.inputs, outputs: last.input, name: `${model.name}-embedding` });
}
