// A network that is trained or run repeatedly on one synthetic batch.

import { product, Random } from "@gmr-conv/core";
import type { Batch } from "@gmr-conv/data";
import { resNet } from "@gmr-conv/models";
import {
  type LossSettings,
  modelVariables,
  Optimizer,
  type StepContext,
  taskFor,
  trainStep,
} from "@gmr-conv/training";
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
  if (pass === "inference") {
    const { images, shape } = madeUpBatch(model, batch);
    return async () => {
      const logits = tf.tidy(
        () => model.apply(tf.tensor(images, [batch, ...shape]), { training: false }) as tf.Tensor,
      );
      await logits.data();
      logits.dispose();
    };
  }
  const { context, batchOf } = madeUpTraining(model, checkpointStages);
  const whole = batchOf(batch);
  return async () => {
    await trainStep(context, whole, LEARNING_RATE);
  };
}

/** A training of a model by SGD with momentum, on synthetic batches. */
export function madeUpTraining(
  model: tf.LayersModel,
  checkpointStages = false,
): { context: StepContext; batchOf: (images: number) => Batch } {
  const outputs = model.outputs[0].shape as number[];
  const classes = outputs[outputs.length - 1];
  const variables = modelVariables(model, true);
  const optimizer = new Optimizer(
    { name: "sgd", learningRate: LEARNING_RATE, momentum: 0.9, weightDecay: 0 },
    variables,
    new Set(),
  );
  const maps = outputs.length > 2;
  const example = madeUpBatch(model, 1);
  const task = taskFor(model, {
    name: "made-up",
    count: 1,
    shape: example.shape,
    read: () => example,
    task: maps ? "segmentation" : "classification",
    classNames: Array.from({ length: classes }, (_, k) => String(k)),
  });
  const loss: LossSettings = maps ? { diceWeight: 0 } : {};
  const context = {
    model,
    task,
    optimizer,
    variables: [...variables.values()],
    settings: { loss, checkpointStages, accumulate: 1 },
    classWeights: undefined,
  };
  return { context, batchOf: (images) => madeUpBatch(model, images) };
}

function madeUpBatch(model: tf.LayersModel, count: number): Batch & { labels: Int32Array } {
  const shape = model.inputs[0].shape.slice(1) as number[];
  const [, ...outputs] = model.outputs[0].shape as number[];
  const classes = outputs[outputs.length - 1];
  const random = new Random(1);
  const images = Float32Array.from({ length: count * product(shape) }, () => random.normal());
  const labels = Int32Array.from({ length: (count * product(outputs)) / classes }, (_, i) => i % classes);
  const indices = Int32Array.from({ length: count }, (_, i) => i);
  return { images, labels, indices, count, shape, epoch: 0, step: 0 };
}
