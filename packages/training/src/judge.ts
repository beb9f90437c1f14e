import { type Dataset, pickEvenly } from "@gmr-conv/data";
import * as tf from "@tensorflow/tfjs";
import type { TrainSettings } from "./settings.ts";
import type { Metrics, Task } from "./tasks.ts";
import { viewBatches } from "./views.ts";

/** Scores a network on upright images, at most `validationLimit` of them. */
export async function judge(
  model: tf.LayersModel,
  task: Task,
  dataset: Dataset,
  settings: Pick<TrainSettings, "normalization" | "augment" | "validationLimit">,
): Promise<{ metrics: Metrics; score: number }> {
  const { normalization, augment, validationLimit = dataset.count } = settings;
  const images = pickEvenly(dataset, Math.min(validationLimit, dataset.count));
  const evaluator = task.evaluator(dataset.classNames.length);
  for await (const { images: x, labels } of viewBatches(images, { normalization, size: augment.size })) {
    const logits = tf.tidy(() => model.apply(x) as tf.Tensor);
    await evaluator.add(labels, logits);
    tf.dispose([x, logits]);
  }
  return { metrics: evaluator.metrics(), score: evaluator.score };
}
