// What a network is trained for. A new task is a file and a line in TASKS.

import { GmrError } from "@gmr-conv/core";
import type { Dataset } from "@gmr-conv/data";
import { accuracy, diceCrossEntropy, softmaxCrossEntropy } from "@gmr-conv/models/training";
import * as tf from "@tensorflow/tfjs";
import { Classification, type ClassificationMetrics, type Mistake } from "./metrics/classification.ts";
import { IGNORED, Segmentation, type SegmentationMetrics } from "./metrics/segmentation.ts";
import type { LossSettings } from "./settings.ts";

export type Metrics = ClassificationMetrics | SegmentationMetrics;

/** Collects the predictions of a network on a data set. */
export interface Evaluator {
  /** @param logits [N, ...sizes, K] */
  add(labels: Int32Array, logits: tf.Tensor): Promise<void>;
  /** Accuracy or mean Dice so far. */
  readonly score: number;
  metrics(): Metrics;
  /** The most confident mistakes; none for masks. */
  mistakes(most: number): Mistake[];
  /** What it has collected, for {@link merge} elsewhere. */
  save(): Uint8Array;
  /** Adds what another has collected, as if it had been added here. */
  merge(saved: Uint8Array): void;
}

export interface Task {
  /** The name of {@link Evaluator.score}. */
  readonly score: "accuracy" | "Dice";
  /** The loss of a batch. @param labels class indices, int32, or shares of the classes, float32 */
  loss(
    logits: tf.Tensor,
    labels: tf.Tensor,
    settings: LossSettings,
    weights: readonly number[] | undefined,
  ): tf.Scalar;
  /** Share of correct predictions, for progress. @param labels class indices */
  share(logits: tf.Tensor, labels: tf.Tensor): tf.Scalar;
  evaluator(classes: number): Evaluator;
}

/** For logits [N, K]. */
function classEvaluator(classes: number): Evaluator {
  const images = new Classification(classes);
  return {
    async add(labels, logits) {
      const probabilities = tf.softmax(logits as tf.Tensor2D);
      images.add(labels, Float32Array.from(await probabilities.data()));
      probabilities.dispose();
    },
    get score() {
      return images.score;
    },
    metrics: () => images.metrics(),
    mistakes: (most) => images.mistakes(most),
    save: () => images.save(),
    merge: (saved) => images.merge(saved),
  };
}

/** For logits [N, ...sizes, K]. */
function mapEvaluator(classes: number): Evaluator {
  const images = new Segmentation(classes);
  return {
    async add(labels, logits) {
      const largest = logits.argMax(-1);
      const predicted = await largest.data();
      largest.dispose();
      const each = labels.length / logits.shape[0];
      for (let n = 0; n < logits.shape[0]; n++) {
        images.add(labels.subarray(n * each, (n + 1) * each), predicted.subarray(n * each, (n + 1) * each));
      }
    },
    get score() {
      return images.score;
    },
    metrics: () => images.metrics(),
    mistakes: () => [],
    save: () => images.save(),
    merge: (saved) => images.merge(saved),
  };
}

const classification: Task = {
  score: "accuracy",
  loss: (logits, labels, { labelSmoothing }, classWeights) =>
    softmaxCrossEntropy(logits, labels, { labelSmoothing, classWeights }),
  share: (logits, labels) => accuracy(logits, labels),
  evaluator: classEvaluator,
};

const segmentation: Task = {
  score: "Dice",
  loss: (logits, labels, { labelSmoothing, diceWeight, crossEntropyWeight }, classWeights) =>
    diceCrossEntropy(logits, labels, {
      labelSmoothing,
      classWeights,
      diceWeight,
      crossEntropyWeight,
      ignoreLabel: IGNORED,
    }),
  share: (logits, labels) => accuracy(logits, labels, { ignoreLabel: IGNORED }),
  evaluator: mapEvaluator,
};

const TASKS: Readonly<Record<Dataset["task"], Task>> = { classification, segmentation };

/**
 * The task of a data set, checked to suit a network.
 * @throws GmrError `invalid-shape` for a network whose input or output does not fit
 */
export function taskFor(model: tf.LayersModel, dataset: Dataset, size?: readonly number[]): Task {
  const [input, output] = [model.inputs[0].shape.slice(1), model.outputs[0].shape.slice(1)];
  const sizes = size ?? dataset.shape.slice(0, -1);
  const shape = [...sizes, dataset.shape[dataset.shape.length - 1]];
  const fits =
    input.length === shape.length && input.every((length, axis) => length === null || length === shape[axis]);
  if (!fits) {
    throw new GmrError(
      "invalid-shape",
      `network ${model.name} takes [${input.map((length) => length ?? "any")}], ` +
        `the images of ${dataset.name} are [${shape}]: ` +
        (input.length === shape.length
          ? `load images of its size and channels, or make the network with inputShape [${shape}]`
          : `make a network for ${shape.length === 4 ? "volumes" : "images"}`),
    );
  }
  const classes = output[output.length - 1];
  if (classes !== dataset.classNames.length) {
    throw new GmrError(
      "invalid-shape",
      `network ${model.name} has ${classes} classes, ${dataset.name} has ${dataset.classNames.length}: ` +
        `make the network with classes: ${dataset.classNames.length}`,
    );
  }
  const maps = output.length > 1;
  if (maps !== (dataset.task === "segmentation")) {
    throw new GmrError(
      "invalid-shape",
      `network ${model.name} gives ${maps ? "a class for each position" : "one class for each image"}, ` +
        `${dataset.name} has ${maps ? "one class for each image" : "masks"}: ` +
        `make a network for ${maps ? "classification, such as gmr-resnet18" : "segmentation, such as gmr-unet"}`,
    );
  }
  return TASKS[dataset.task];
}
