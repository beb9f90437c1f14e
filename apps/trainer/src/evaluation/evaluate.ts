// Accuracy of a network on upright, turned and mirrored test images.

import { GmrError } from "@gmr-conv/core";
import { evenSubset, flipImages, gatherImages, type ImageSet, rotateImages, subset } from "@gmr-conv/data";
import * as tf from "@tensorflow/tfjs";
import type { Monitor } from "../tasks.ts";

export interface EvaluationOptions {
  /** Degrees between the angles; absent: no turned images. */
  rotationStep?: number | undefined;
  flips: boolean;
  /** How many test images are turned and mirrored. */
  turnedImages: number;
  /** Evaluate on so many test images only. */
  testLimit?: number | undefined;
}

/** Accuracies are fractions. */
export interface Evaluation {
  upright: { count: number; accuracy: number; confusion: number[][] };
  angles: { angle: number; accuracy: number }[];
  flips?: { horizontal: number; vertical: number };
  turnedConfusion?: number[][];
  uprightImages: number;
  turnedImages: number;
  seconds: number;
}

const BATCH = 250;

/** Counts how images are classified: [true class][predicted class]. */
class Confusion {
  readonly counts: number[][];

  constructor(classes: number) {
    this.counts = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  }

  add(labels: ArrayLike<number>, predictions: ArrayLike<number>): void {
    for (let n = 0; n < labels.length; n++) this.counts[labels[n]][predictions[n]]++;
  }

  merge(other: Confusion): void {
    other.counts.forEach((row, i) => {
      row.forEach((count, j) => {
        this.counts[i][j] += count;
      });
    });
  }

  get accuracy(): number {
    const total = this.counts.flat().reduce((a, b) => a + b, 0);
    const right = this.counts.reduce((sum, row, i) => sum + row[i], 0);
    return right / total;
  }
}

type Transform = (batch: Float32Array, shape: ImageSet["shape"]) => Float32Array;

/** The predicted class of every image of a batch [count, ...shape]. */
export async function predict(
  model: tf.LayersModel,
  images: Float32Array,
  shape: ImageSet["shape"],
): Promise<Int32Array> {
  const classes = tf.tidy(() => {
    const logits = model.apply(
      tf.tensor(images, [images.length / (shape[0] * shape[1] * shape[2]), ...shape]),
    );
    return (logits as tf.Tensor2D).argMax(1);
  });
  const result = Int32Array.from(await classes.data());
  classes.dispose();
  return result;
}

/** Evaluates a network on a test set. @throws GmrError `interrupted` if the monitor asks to stop */
export async function evaluateNetwork(
  label: string,
  model: tf.LayersModel,
  test: ImageSet,
  options: EvaluationOptions,
  monitor: Monitor,
): Promise<Evaluation> {
  const turned = evenSubset(test, Math.min(options.turnedImages, test.count));
  const angles = anglesOf(options.rotationStep);
  const moves = angles.length + (options.flips ? 2 : 0);
  const started = performance.now();
  monitor.start(`Evaluating ${label}`, test.count + moves * turned.count, 0);
  let done = 0;

  const confusionOf = async (set: ImageSet, view: string, transform?: Transform): Promise<Confusion> => {
    const confusion = new Confusion(test.classNames.length);
    for (let first = 0; first < set.count; first += BATCH) {
      if (monitor.stopRequested) throw new GmrError("interrupted", "the evaluation was stopped");
      const indices = Int32Array.from({ length: Math.min(BATCH, set.count - first) }, (_, i) => first + i);
      const part = subset(set, indices);
      const images = gatherImages(set, indices);
      const seen = transform ? transform(images, set.shape) : images;
      confusion.add(part.labels, await predict(model, seen, set.shape));
      done += part.count;
      monitor.update(done, { view, accuracy: `${(100 * confusion.accuracy).toFixed(1)} %` });
    }
    return confusion;
  };

  const upright = await confusionOf(test, "upright");
  const result: Evaluation = {
    upright: { count: test.count, accuracy: upright.accuracy, confusion: upright.counts },
    angles: [],
    uprightImages: test.count,
    turnedImages: moves > 0 ? turned.count : 0,
    seconds: 0,
  };
  const all = new Confusion(test.classNames.length);
  for (const angle of angles) {
    const confusion = await confusionOf(turned, `${angle}°`, (batch, shape) =>
      rotateImages(batch, shape, angle),
    );
    all.merge(confusion);
    result.angles.push({ angle, accuracy: confusion.accuracy });
  }
  if (angles.length > 0) result.turnedConfusion = all.counts;
  if (options.flips) {
    const mirror = async (axis: "horizontal" | "vertical"): Promise<number> =>
      (await confusionOf(turned, axis, (batch, shape) => flipImages(batch, shape, axis))).accuracy;
    result.flips = { horizontal: await mirror("horizontal"), vertical: await mirror("vertical") };
  }
  result.seconds = (performance.now() - started) / 1000;
  return result;
}

function anglesOf(step: number | undefined): number[] {
  if (step === undefined) return [];
  return Array.from({ length: Math.ceil(360 / step) }, (_, i) => i * step);
}
