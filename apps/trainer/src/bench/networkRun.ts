// A network that is trained or run repeatedly on one synthetic batch.

import { product, Random } from "@gmr-conv/core";
import { resNet } from "@gmr-conv/models";
import { type LossSettings, modelVariables, Optimizer, taskFor, trainStep } from "@gmr-conv/training";
import * as tf from "@tensorflow/tfjs";
import type { NetworkImpl, NetworkPass } from "./measurements.ts";

/** The size of a network and of its images, which are square and have three channels. */
export interface NetworkShape {
  batch: number;
  imageSize: number;
  /** One entry per stage. */
  depths: readonly number[];
  widths: readonly number[];
  /** Of the GMR network; its dense twin has 3×3 kernels. */
  kernelSizes: readonly number[];
  classes: number;
}

const LEARNING_RATE = 0.01;

/** A function that does one pass: a step of SGD with momentum, or the logits of a batch. */
export function networkRun(shape: NetworkShape, impl: NetworkImpl, pass: NetworkPass): () => Promise<void> {
  const { imageSize, depths, widths, classes } = shape;
  const model = resNet({
    inputShape: [imageSize, imageSize, 3],
    classes,
    kind: impl,
    depths,
    widths,
    kernelSizes: impl === "gmr" ? shape.kernelSizes : undefined,
    seed: 1,
  });
  return modelRun(model, shape.batch, pass);
}

/**
 * A function that does one pass of a model on a synthetic batch.
 * @param checkpointStages keep only the tensors between stages, in training
 */
export function modelRun(
  model: tf.LayersModel,
  batch: number,
  pass: NetworkPass,
  checkpointStages = false,
): () => Promise<void> {
  const shape = [batch, ...(model.inputs[0].shape.slice(1) as number[])];
  const [, ...outputs] = model.outputs[0].shape as number[];
  const classes = outputs[outputs.length - 1];
  const random = new Random(1);
  const images = Float32Array.from({ length: product(shape) }, () => random.normal());
  const labels = Int32Array.from({ length: (batch * product(outputs)) / classes }, (_, i) => i % classes);
  if (pass === "inference") {
    return async () => {
      const logits = tf.tidy(() => model.apply(tf.tensor(images, shape), { training: false }) as tf.Tensor);
      await logits.data();
      logits.dispose();
    };
  }
  const variables = modelVariables(model, true);
  const optimizer = new Optimizer(
    { name: "sgd", learningRate: LEARNING_RATE, momentum: 0.9, weightDecay: 0 },
    variables,
    new Set(),
  );
  const maps = outputs.length > 1;
  const made = { name: "made-up", count: batch, shape: shape.slice(1), read: () => ({ images, labels }) };
  const classNames = Array.from({ length: classes }, (_, k) => String(k));
  const task = taskFor(model, { ...made, task: maps ? "segmentation" : "classification", classNames });
  const loss: LossSettings = maps ? { diceWeight: 0 } : {};
  const settings = { loss, checkpointStages, accumulate: 1 };
  const context = {
    model,
    task,
    optimizer,
    variables: [...variables.values()],
    settings,
    classWeights: undefined,
  };
  const indices = Int32Array.from({ length: batch }, (_, i) => i);
  return async () => {
    const whole = { images, labels, indices, count: batch, shape: shape.slice(1), epoch: 0, step: 0 };
    await trainStep(context, whole, LEARNING_RATE);
  };
}
