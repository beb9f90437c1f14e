// The training loop of one network.

import { GmrError } from "@gmr-conv/core";
import type { Batch, BatchStream, ImageSet } from "@gmr-conv/data";
import {
  accuracy,
  checkpointedGradients,
  clipByGlobalNorm,
  ExponentialMovingAverage,
  softmaxCrossEntropy,
} from "@gmr-conv/models";
import * as tf from "@tensorflow/tfjs";
import {
  digestOf,
  loadCheckpoint,
  type Position,
  saveCheckpoint,
  type TrainingState,
} from "../runs/checkpoint.ts";
import type { RunFolder } from "../runs/runFolder.ts";
import type { Monitor } from "../tasks.ts";
import type { NetworkConfig, TrainConfig } from "./config.ts";
import { batchesAhead, batchStream } from "./data.ts";
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

export interface StepSettings extends Pick<TrainConfig, "labelSmoothing" | "clipNorm" | "checkpointStages"> {
  learningRate: number;
}

/** One step of training: forward, backward, update. */
export async function trainStep(
  model: tf.LayersModel,
  optimizer: Optimizer,
  variables: tf.Variable[],
  batch: Pick<Batch, "images" | "labels" | "count">,
  { labelSmoothing, clipNorm, checkpointStages, learningRate }: StepSettings,
): Promise<StepResult> {
  const shape = model.inputs[0].shape.slice(1) as number[];
  const { loss, right } = tf.tidy(() => {
    const images = tf.tensor(batch.images, [batch.count, ...shape]);
    // One label per image, or per position of a map.
    const labels = tf.tensor(
      batch.labels,
      [batch.count, ...(model.outputs[0].shape.slice(1, -1) as number[])],
      "int32",
    );
    let right = tf.scalar(0);
    const lossOf = (logits: tf.Tensor): tf.Scalar => {
      right = tf.keep(accuracy(logits, labels));
      return softmaxCrossEntropy(logits, labels, { labelSmoothing });
    };
    const { loss, grads } = checkpointStages
      ? checkpointedGradients(model, undefined, images, lossOf, variables)
      : wholeGradients(model, images, lossOf, variables);
    optimizer.apply(clipNorm === undefined ? grads : clipByGlobalNorm(grads, clipNorm).grads, learningRate);
    return { loss, right };
  });
  const [[lossValue], [share]] = await Promise.all([loss.data(), right.data()]);
  tf.dispose([loss, right]);
  return { loss: lossValue, correct: Math.round(share * batch.count) };
}

function wholeGradients(
  model: tf.LayersModel,
  images: tf.Tensor,
  lossOf: (logits: tf.Tensor) => tf.Scalar,
  variables: tf.Variable[],
): { loss: tf.Scalar; grads: tf.NamedTensorMap } {
  const forward = () => lossOf(model.apply(images, { training: true }) as tf.Tensor);
  const { value: loss, grads } = tf.variableGrads(forward, variables);
  return { loss, grads };
}

/**
 * Trains a network to the end of its schedule, from its checkpoint where there is one.
 * @throws GmrError `interrupted` if the monitor asks to stop, with a checkpoint written; `invalid-data` if the loss is no number,
 *   or the checkpoint was trained on other images
 */
export async function trainNetwork(
  run: RunFolder,
  network: NetworkConfig,
  model: tf.LayersModel,
  set: ImageSet,
  config: TrainConfig,
  monitor: Monitor,
): Promise<void> {
  const stream = batchStream(set, config, network);
  const variables = modelVariables(model, true);
  const state: TrainingState = {
    optimizer: new Optimizer(config.optimizer, variables, decayedWeights(model)),
    average:
      config.ema === undefined ? undefined : new ExponentialMovingAverage(model, { decay: config.ema }),
  };
  try {
    const data = digestOf([set.images, set.labels]);
    const position = (await loadCheckpoint(run, network.name, model, state))?.position;
    if (position?.data !== undefined && position.data !== data) {
      throw new GmrError(
        "invalid-data",
        `the images of ${set.name}${config.dataFolder ? ` in ${config.dataFolder}` : ""} are not those that ` +
          `${network.label} was trained on so far: bring them back, or start another run`,
      );
    }
    const start = { step: 0, seconds: 0, ...position, data };
    await loop(run, network, model, state, [...variables.values()], stream, config, monitor, start);
  } finally {
    state.optimizer.dispose();
    state.average?.dispose();
  }
}

async function loop(
  run: RunFolder,
  network: NetworkConfig,
  model: tf.LayersModel,
  state: TrainingState,
  variables: tf.Variable[],
  stream: BatchStream,
  config: TrainConfig,
  monitor: Monitor,
  position: Position,
): Promise<void> {
  const total = stream.totalSteps;
  if (position.step >= total) {
    monitor.note(`trained for all of its ${network.epochs} epochs; --resume --epochs COUNT trains longer`);
    return;
  }
  monitor.start(`Training ${network.label}`, total, position.step);
  const started = performance.now() - 1000 * position.seconds;
  const seconds = (): number => (performance.now() - started) / 1000;
  const speed = new Speed(position.step);
  let sums = { steps: 0, loss: 0, correct: 0 };
  let savedAt = seconds();
  let step = position.step;
  const save = (): Promise<string> =>
    saveCheckpoint(run, network.name, model, state, { ...position, step, seconds: seconds() });
  for await (const batch of batchesAhead({ config, network, step })) {
    const learningRate = learningRateAt(step, total, config.optimizer.learningRate, config.optimizer.warmup);
    const result = await trainStep(model, state.optimizer, variables, batch, { ...config, learningRate });
    state.average?.update();
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
