// The training loop of one network.

import { GmrError } from "@gmr-conv/core";
import { augmenter, type Batch, BatchStream, type ImageSet } from "@gmr-conv/data";
import * as tf from "@tensorflow/tfjs";
import { loadCheckpoint, saveCheckpoint } from "../runs/checkpoint.ts";
import type { RunFolder } from "../runs/runFolder.ts";
import type { Monitor } from "../tasks.ts";
import type { NetworkConfig, TrainConfig } from "./config.ts";
import { Optimizer } from "./optimizer.ts";
import { learningRateAt } from "./schedule.ts";
import { decayedWeights, modelVariables } from "./variables.ts";

/** A metric line sums up so many steps. */
const STEPS_PER_METRIC = 20;
const SECONDS_PER_CHECKPOINT = 30;

export interface StepResult {
  loss: number;
  /** Images classified right. */
  correct: number;
}

/** One step of training: forward, backward, update. */
export async function trainStep(
  model: tf.LayersModel,
  optimizer: Optimizer,
  variables: tf.Variable[],
  batch: Pick<Batch, "images" | "labels" | "count">,
  settings: { classes: number; labelSmoothing: number; learningRate: number },
): Promise<StepResult> {
  const shape = model.inputs[0].shape.slice(1) as number[];
  let logits: tf.Tensor | undefined;
  const { value, grads } = tf.tidy(() => {
    const images = tf.tensor(batch.images, [batch.count, ...shape]);
    const labels = tf.oneHot(tf.tensor1d(batch.labels, "int32"), settings.classes);
    return tf.variableGrads(() => {
      const output = model.apply(images, { training: true }) as tf.Tensor2D;
      logits = tf.keep(output.clone());
      return tf.losses.softmaxCrossEntropy(labels, output, undefined, settings.labelSmoothing);
    }, variables);
  });
  optimizer.apply(grads, settings.learningRate);
  tf.dispose(grads);
  const [loss] = await value.data();
  value.dispose();
  const correct = logits ? countCorrect(await logits.data(), batch.labels, settings.classes) : 0;
  logits?.dispose();
  return { loss, correct };
}

function countCorrect(logits: ArrayLike<number>, labels: ArrayLike<number>, classes: number): number {
  let correct = 0;
  for (let n = 0; n < labels.length; n++) {
    let best = 0;
    for (let c = 1; c < classes; c++) {
      if (logits[n * classes + c] > logits[n * classes + best]) best = c;
    }
    if (best === labels[n]) correct++;
  }
  return correct;
}

/**
 * Trains a network to the end of its schedule, from its checkpoint where there is one.
 * @throws GmrError `interrupted` if the monitor asks to stop, with a checkpoint written; `invalid-data` if the loss is no number
 */
export async function trainNetwork(
  run: RunFolder,
  network: NetworkConfig,
  model: tf.LayersModel,
  set: ImageSet,
  config: TrainConfig,
  monitor: Monitor,
): Promise<void> {
  const stream = new BatchStream(set, {
    batchSize: config.batchSize,
    epochs: network.epochs,
    seed: config.seed,
    augment: augmenter(config.augment),
  });
  const variables = modelVariables(model, true);
  const optimizer = new Optimizer(config.optimizer, variables, decayedWeights(model));
  try {
    const position = (await loadCheckpoint(run, network.name, model, optimizer)) ?? { step: 0, seconds: 0 };
    await loop(run, network, model, optimizer, [...variables.values()], stream, config, monitor, position);
  } finally {
    optimizer.dispose();
  }
}

async function loop(
  run: RunFolder,
  network: NetworkConfig,
  model: tf.LayersModel,
  optimizer: Optimizer,
  variables: tf.Variable[],
  stream: BatchStream,
  config: TrainConfig,
  monitor: Monitor,
  position: { step: number; seconds: number },
): Promise<void> {
  const total = stream.totalSteps;
  if (position.step >= total) return;
  monitor.start(`Training ${network.label}`, total, position.step);
  const started = performance.now() - 1000 * position.seconds;
  const seconds = (): number => (performance.now() - started) / 1000;
  const speed = new Speed(position.step);
  let sums = { steps: 0, loss: 0, correct: 0 };
  let savedAt = seconds();
  let step = position.step;
  const save = (): Promise<string> =>
    saveCheckpoint(run, network.name, model, optimizer, { step, seconds: seconds() });
  for (const batch of stream.from(Math.floor(step / stream.stepsPerEpoch), step % stream.stepsPerEpoch)) {
    const learningRate = learningRateAt(step, total, config.optimizer.learningRate, config.optimizer.warmup);
    const result = await trainStep(model, optimizer, variables, batch, {
      classes: network.model.classes,
      labelSmoothing: config.labelSmoothing,
      learningRate,
    });
    if (!Number.isFinite(result.loss)) {
      throw new GmrError(
        "invalid-data",
        `the loss became ${result.loss} at step ${step}: try a smaller learning rate than ${config.optimizer.learningRate}`,
      );
    }
    step++;
    sums = {
      steps: sums.steps + 1,
      loss: sums.loss + result.loss,
      correct: sums.correct + result.correct,
    };
    if (sums.steps === STEPS_PER_METRIC || step === total) {
      const metric = {
        network: network.name,
        step,
        epoch: batch.epoch,
        loss: sums.loss / sums.steps,
        accuracy: sums.correct / (sums.steps * config.batchSize),
        learningRate,
        seconds: seconds(),
      };
      await run.appendMetric(metric);
      monitor.update(step, {
        epoch: `${batch.epoch + 1}/${stream.epochs}`,
        loss: metric.loss.toFixed(3),
        accuracy: `${(100 * metric.accuracy).toFixed(1)} %`,
        "images/s": (speed.at(step) * config.batchSize).toFixed(0),
      });
      sums = { steps: 0, loss: 0, correct: 0 };
    }
    if (monitor.stopRequested) {
      const file = await save();
      throw new GmrError(
        "interrupted",
        `${network.label} stopped at step ${step} of ${total}; checkpoint: ${file}; add --resume to the command to go on`,
      );
    }
    if (seconds() - savedAt > SECONDS_PER_CHECKPOINT || step === total) {
      await save();
      savedAt = seconds();
    }
  }
}

/** Steps per second since the last call. */
class Speed {
  private step: number;
  private time = performance.now();

  constructor(step: number) {
    this.step = step;
  }

  at(step: number): number {
    const now = performance.now();
    const speed = (1000 * (step - this.step)) / (now - this.time);
    this.step = step;
    this.time = now;
    return speed;
  }
}
