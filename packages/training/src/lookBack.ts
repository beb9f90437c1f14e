// Whether a trained network has learned anything: it reads some of its training images again.

import { type Dataset, pickEvenly } from "@gmr-conv/data";
import type { Communicator } from "@gmr-conv/distributed";
import type * as tf from "@tensorflow/tfjs";
import { chanceOf } from "./classShares.ts";
import { judge } from "./judge.ts";
import type { TrainSettings } from "./settings.ts";
import type { Task } from "./tasks.ts";

/** Number of training images to read again. */
const LOOK_BACK = 500;

/** A warning if the network reads its training images no better than by guessing. */
export async function lookBack(
  name: string,
  model: tf.LayersModel,
  task: Task,
  train: Dataset,
  settings: TrainSettings,
  communicator: Communicator,
): Promise<string | undefined> {
  const images = pickEvenly(train, Math.min(LOOK_BACK, train.count));
  const { score } = await judge(model, task, images, settings, communicator);
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const chance = chanceOf(images);
  if (task.score === "accuracy" && score < 1.5 * chance && chance < 0.6) {
    return (
      `${name} reads its own training images at ${percent(score)}, hardly better than guessing ` +
      `(${percent(chance)}): it has learned nothing; try more epochs, a smaller learning rate, or less augmentation`
    );
  }
  if (task.score === "Dice" && score < 0.05) {
    const found = `finds hardly anything in its own training images (Dice ${score.toFixed(3)})`;
    return `${name} ${found}: it has learned nothing`;
  }
  return undefined;
}
