import { type Dataset, pickEvenly } from "@gmr-conv/data";
import type { Communicator } from "@gmr-conv/distributed";
import * as tf from "@tensorflow/tfjs";
import { merged, shardOf } from "./ranks/shards.ts";
import type { TrainSettings } from "./settings.ts";
import type { Metrics, Task } from "./tasks.ts";
import { viewBatches } from "./views.ts";

/** Scores a network on upright images, at most `validationLimit` of them, which the ranks share. */
export async function judge(
  model: tf.LayersModel,
  task: Task,
  dataset: Dataset,
  settings: Pick<TrainSettings, "normalization" | "augment" | "validationLimit">,
  communicator: Communicator,
): Promise<{ metrics: Metrics; score: number }> {
  const { normalization, augment, validationLimit = dataset.count } = settings;
  const images = pickEvenly(dataset, Math.min(validationLimit, dataset.count));
  const evaluator = task.evaluator(dataset.classNames.length);
  const own = shardOf(images, communicator);
  const views = { normalization, size: augment.size };
  for await (const { images: x, labels } of own ? viewBatches(own, views) : []) {
    const logits = tf.tidy(() => model.apply(x) as tf.Tensor);
    await evaluator.add(labels, logits);
    tf.dispose([x, logits]);
  }
  const all = await merged(communicator, task, dataset.classNames.length, evaluator);
  return { metrics: all.metrics(), score: all.score };
}
