// One step of training: forward, backward, update.

import type { Batch } from "@gmr-conv/data";
import { checkpointedGradients, clipByGlobalNorm } from "@gmr-conv/models/training";
import * as tf from "@tensorflow/tfjs";
import type { Optimizer } from "./optimizer.ts";
import type { TrainSettings } from "./settings.ts";
import type { Task } from "./tasks.ts";

export interface StepResult {
  loss: number;
  /** Share of correct images, or positions. */
  accuracy: number;
}

/** What a step needs besides the batch. */
export interface StepContext {
  model: tf.LayersModel;
  task: Task;
  optimizer: Optimizer;
  /** The trainable variables. */
  variables: tf.Variable[];
  settings: Pick<TrainSettings, "loss" | "clipNorm" | "checkpointStages" | "accumulate">;
  /** Weights of the classes. */
  classWeights: readonly number[] | undefined;
}

/** Trains on a batch. */
export async function trainStep(
  context: StepContext,
  batch: Batch,
  learningRate: number,
): Promise<StepResult> {
  const { settings, optimizer } = context;
  const { loss, share } = tf.tidy(() => {
    const parts = Math.min(settings.accumulate, batch.count);
    let sums: tf.NamedTensorMap | undefined;
    const losses: tf.Scalar[] = [];
    const shares: tf.Scalar[] = [];
    for (let part = 0; part < parts; part++) {
      const { loss, share, grads } = gradientsOf(context, partOf(batch, part, parts));
      losses.push(loss);
      shares.push(share);
      const before: tf.NamedTensorMap | undefined = sums;
      sums = before
        ? Object.fromEntries(Object.entries(grads).map(([name, g]) => [name, g.add(before[name])]))
        : grads;
    }
    const total = sums as tf.NamedTensorMap;
    const mean =
      parts === 1
        ? total
        : Object.fromEntries(Object.entries(total).map(([name, g]) => [name, g.div(parts)]));
    const { clipNorm } = settings;
    optimizer.apply(clipNorm === undefined ? mean : clipByGlobalNorm(mean, clipNorm).grads, learningRate);
    const means = { loss: tf.stack(losses).mean(), share: tf.stack(shares).mean() };
    tf.dispose(shares); // They were kept (tf.keep).
    return means;
  });
  const [[lossValue], [accuracy]] = await Promise.all([loss.data(), share.data()]);
  tf.dispose([loss, share]);
  return { loss: lossValue, accuracy };
}

function gradientsOf(
  { model, task, variables, settings, classWeights }: StepContext,
  batch: Batch,
): { loss: tf.Scalar; share: tf.Scalar; grads: tf.NamedTensorMap } {
  return tf.tidy(() => {
    const { images, labels } = tensorsOf(batch);
    const classes = model.outputs[0].shape.at(-1) ?? 1;
    const targets = batch.shares ? tf.tensor2d(batch.shares, [batch.count, classes]) : labels;
    let share = tf.scalar(0);
    const lossOf = (logits: tf.Tensor): tf.Scalar => {
      share = tf.keep(task.share(logits, labels));
      return task.loss(logits, targets, settings.loss, classWeights);
    };
    if (settings.checkpointStages) {
      const { value: loss, grads } = checkpointedGradients(model, undefined, images, lossOf, variables);
      return { loss, grads, share };
    }
    const forward = () => lossOf(model.apply(images, { training: true }) as tf.Tensor);
    const { value: loss, grads } = tf.variableGrads(forward, variables);
    return { loss, grads, share };
  });
}

/** A batch's images [N, ...sizes, C], and labels [N] or [N, ...sizes]. */
export function tensorsOf({
  images,
  labels,
  count,
  shape,
}: Pick<Batch, "images" | "labels" | "count" | "shape">): { images: tf.Tensor; labels: tf.Tensor } {
  const mapped = labels.length > count;
  return {
    images: tf.tensor(images, [count, ...shape]),
    labels: tf.tensor(labels, mapped ? [count, ...shape.slice(0, -1)] : [count], "int32"),
  };
}

function partOf(batch: Batch, part: number, parts: number): Batch {
  if (parts === 1) return batch;
  const [first, last] = [part, part + 1].map((i) => Math.floor((i * batch.count) / parts));
  const cut = <T extends Float32Array | Int32Array>(values: T): T => {
    const each = values.length / batch.count;
    return values.subarray(first * each, last * each) as T;
  };
  return {
    ...batch,
    images: cut(batch.images),
    labels: cut(batch.labels),
    shares: batch.shares && cut(batch.shares),
    indices: cut(batch.indices),
    count: last - first,
  };
}
