import * as tf from "@tensorflow/tfjs";
import { softmaxCrossEntropy } from "../training/index.ts";

/** The results of one training step. */
export interface TrainingStep {
  losses: [before: number, after: number];
  /** By name of the weight. */
  gradients: Map<string, Float32Array>;
  /** For the same batch after the step, in inference mode. */
  outputs: Float32Array;
}

/** Takes one training step on a random batch of 2, and disposes of the network. */
export async function trainingStep(model: tf.LayersModel): Promise<TrainingStep> {
  const shape = (symbolic: tf.SymbolicTensor): number[] => symbolic.shape.map((size) => size ?? 2);
  const x = tf.randomNormal(shape(model.inputs[0]), 0, 1, "float32", 1);
  const outputShape = shape(model.outputs[0]);
  const classes = outputShape.pop() ?? 1;
  const labels = tf.tidy(() =>
    tf
      .randomUniform(outputShape, 0, classes - 0.01, "float32", 2)
      .floor()
      .toInt(),
  );
  const loss = (): tf.Scalar =>
    softmaxCrossEntropy(model.apply(x, { training: true }) as tf.Tensor, labels) as tf.Scalar;
  const { value: before, grads } = tf.variableGrads(loss);
  const optimizer = tf.train.sgd(0.1);
  optimizer.applyGradients(grads);
  const after = tf.tidy(loss);
  const y = model.predict(x) as tf.Tensor;
  const gradients: TrainingStep["gradients"] = new Map();
  for (const [i, weight] of model.trainableWeights.entries()) {
    const { name } = weight.read() as tf.Variable;
    // The variable's name ends in a number that keeps counting from model to model.
    gradients.set(`${i} ${weight.originalName}`, await grads[name].data<"float32">());
  }
  const step: TrainingStep = {
    losses: [(await before.data())[0], (await after.data())[0]],
    gradients,
    outputs: await y.data<"float32">(),
  };
  tf.dispose([x, labels, before, after, y]);
  tf.dispose(grads);
  optimizer.dispose();
  model.dispose();
  return step;
}
