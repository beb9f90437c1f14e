// One step of training: forward, backward, update.

import { type Batch, sliceOfBatch } from "@gmr-conv/data";
import type { Communicator } from "@gmr-conv/distributed";
import { checkpointedGradients, clipByGlobalNorm, trainingOutputs } from "@gmr-conv/models/training";
import { withSynchronizedBatchNorm } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import type { Optimizer } from "./optimizer.ts";
import { type GradientExchange, watched } from "./ranks/gradientExchange.ts";
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
  /** Other processes with parts of the same batches. */
  others?: Others | undefined;
}

/** The processes that train together. */
export interface Others {
  communicator: Communicator;
  exchange: GradientExchange;
  /** Images of a batch, over all processes. */
  batchSize: number;
  syncBatchNorm: boolean;
}

type Computed = {
  loss: tf.Scalar;
  share: tf.Scalar;
  grads: tf.NamedTensorMap;
};

/** Trains on a batch, or on this process' part of one. @returns the figures of the whole batch */
export async function trainStep(
  context: StepContext,
  batch: Batch,
  learningRate: number,
): Promise<StepResult> {
  const { settings, optimizer, others } = context;
  const computed = others ? shared(context, others, batch) : tf.tidy(() => alone(context, batch));
  const grads = others ? await others.exchange.finish(computed.grads) : computed.grads;
  const { clipNorm } = settings;
  tf.tidy(() =>
    optimizer.apply(clipNorm === undefined ? grads : clipByGlobalNorm(grads, clipNorm).grads, learningRate),
  );
  const { loss, share } = computed;
  const [[lossValue], [accuracy]] = await Promise.all([loss.data(), share.data()]);
  tf.dispose([computed, grads]);
  if (!others) return { loss: lossValue, accuracy };
  const sums = Float64Array.of(lossValue, (accuracy * batch.count) / others.batchSize);
  await others.communicator.allReduce(sums);
  return { loss: sums[0], accuracy: sums[1] };
}

/** The mean gradients of a batch. */
function alone(context: StepContext, batch: Batch): Computed {
  const parts = partsOf(context, batch).map((part) => gradientsOf(context, part));
  const grads =
    parts.length === 1
      ? parts[0].grads
      : mapped(added(parts.map((part) => part.grads)), (sum) => sum.div(parts.length));
  return { ...means(parts), grads };
}

/** The part of the gradients that this process' images contribute, on its way to the others. */
function shared(context: StepContext, others: Others, batch: Batch): Computed {
  const { exchange, batchSize, syncBatchNorm, communicator } = others;
  exchange.begin();
  const compute = (): Computed =>
    tf.tidy(() => {
      const parts = partsOf(context, batch);
      const weight = batch.count / (batchSize * parts.length);
      const done: Computed[] = [];
      let before: tf.NamedTensorMap | undefined;
      for (const [i, part] of parts.entries()) {
        // Gradients leave during the last backward pass, with what the earlier ones have added up.
        const onGradient =
          i === parts.length - 1
            ? (name: string, gradient: tf.Tensor) =>
                tf.tidy(() => exchange.add(name, before ? gradient.add(before[name]) : gradient))
            : undefined;
        const own = gradientsOf(context, part, weight, onGradient);
        before = before ? added([before, own.grads]) : own.grads;
        done.push(own);
      }
      const { loss, share } = means(done);
      return { loss: loss.mul<tf.Scalar>(parts.length), share, grads: before as tf.NamedTensorMap };
    });
  if (!syncBatchNorm) return compute();
  return withSynchronizedBatchNorm((values) => communicator.allReduceNow(values), compute);
}

function partsOf({ settings }: StepContext, batch: Batch): Batch[] {
  const parts = Math.min(settings.accumulate, batch.count);
  return Array.from({ length: parts }, (_, part) => {
    const [first, end] = [part, part + 1].map((i) => Math.floor((i * batch.count) / parts));
    return sliceOfBatch(batch, first, end);
  });
}

/** The mean figures; disposes the shares, which were kept. */
function means(parts: readonly Computed[]): Pick<Computed, "loss" | "share"> {
  const mean = (values: tf.Scalar[]): tf.Scalar => tf.stack(values).mean();
  const found = { loss: mean(parts.map(({ loss }) => loss)), share: mean(parts.map(({ share }) => share)) };
  tf.dispose(parts.map(({ share }) => share)); // They were kept (tf.keep).
  return found;
}

function added(parts: readonly tf.NamedTensorMap[]): tf.NamedTensorMap {
  return parts.reduce((sums, part) => mapped(part, (gradient, name) => gradient.add(sums[name])));
}

function mapped(
  grads: tf.NamedTensorMap,
  change: (gradient: tf.Tensor, name: string) => tf.Tensor,
): tf.NamedTensorMap {
  return Object.fromEntries(Object.entries(grads).map(([name, gradient]) => [name, change(gradient, name)]));
}

/**
 * @param weight of the loss
 * @param onGradient called with each gradient as soon as it is known, unless stages are computed twice
 */
function gradientsOf(
  { model, task, variables, settings, classWeights }: StepContext,
  batch: Batch,
  weight?: number,
  onGradient?: (name: string, gradient: tf.Tensor) => void,
): Computed {
  return tf.tidy(() => {
    const { images, labels } = tensorsOf(batch);
    const classes = model.outputs[0].shape.at(-1) ?? 1;
    const targets = batch.shares ? tf.tensor2d(batch.shares, [batch.count, classes]) : labels;
    let share = tf.scalar(0);
    const lossOf = (logits: tf.Tensor): tf.Scalar => {
      share = tf.keep(task.share(logits, labels));
      const loss = task.loss(logits, targets, settings.loss, classWeights);
      return weight === undefined ? loss : loss.mul(weight);
    };
    if (settings.checkpointStages) {
      const { value: loss, grads } = checkpointedGradients(model, undefined, images, lossOf, variables);
      return { loss, grads, share };
    }
    const forward = () => lossOf(trainingOutputs(model, images)[0]);
    const { value: loss, grads } = tf.variableGrads(
      onGradient ? watched(model.trainableWeights, forward, onGradient) : forward,
      variables,
    );
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
