// Re-estimating the statistics of batch normalisation. In training they are moving averages, which lag behind the
// weights: after a short training a network may read its own training images no better than by guessing.

import { GmrError } from "@gmr-conv/core";
import { type Dataset, pick, pickEvenly } from "@gmr-conv/data";
import { type Communicator, singleProcess } from "@gmr-conv/distributed";
import * as tf from "@tensorflow/tfjs";
import type { TrainSettings } from "./settings.ts";
import { viewBatches } from "./views.ts";

interface NormLayer {
  /** Share of the old average that stays. */
  momentum: number;
  mean: tf.LayerVariable;
  variance: tf.LayerVariable;
}

/**
 * Sets the moving averages of all batch normalisation layers to the means over some batches, with the current weights
 * ("precise BN", Wu and Johnson 2021, https://arxiv.org/abs/2105.07576). Layers that are not trainable keep theirs.
 *
 * @param batches inputs of the model, [N, ...sizes, C]; they are disposed of
 * @param communicator of processes with other batches
 * @returns the number of batches, of all processes; 0 for a model without such layers
 */
export async function refreshNorms(
  model: tf.LayersModel,
  batches: AsyncIterable<tf.Tensor> | Iterable<tf.Tensor>,
  communicator: Communicator = singleProcess(),
): Promise<number> {
  const layers = normLayers(model);
  if (layers.length === 0) return 0;
  const statistics = layers.flatMap(({ mean, variance }) => [mean, variance]);
  const sums = tf.tidy(() => statistics.map(({ shape }) => tf.variable(tf.zeros(shape as number[]), false)));
  let seen = 0;
  try {
    for await (const x of batches) {
      tf.tidy(() => {
        // From averages of 0, one step leaves (1 - momentum) times what the layer saw.
        for (const statistic of statistics) statistic.write(tf.zerosLike(statistic.read()));
        model.apply(x, { training: true });
        statistics.forEach((statistic, i) => {
          const { momentum } = layers[Math.floor(i / 2)];
          sums[i].assign(sums[i].add(statistic.read().div(1 - momentum)));
        });
      });
      x.dispose();
      seen++;
    }
    if (communicator.size > 1) {
      const all = Float64Array.from([seen, ...sums.flatMap((sum) => Array.from(sum.dataSync()))]);
      await communicator.allReduce(all);
      seen = all[0];
      let at = 1;
      for (const sum of sums) {
        tf.tidy(() => sum.assign(tf.tensor(Float32Array.from(all.subarray(at, at + sum.size)), sum.shape)));
        at += sum.size;
      }
    }
    if (seen === 0) throw new GmrError("invalid-argument", "no batches to estimate the statistics from");
    tf.tidy(() => {
      statistics.forEach((statistic, i) => {
        statistic.write(sums[i].div(seen));
      });
    });
    return seen;
  } finally {
    tf.dispose(sums);
  }
}

/** Batches that the statistics are estimated from. */
const BATCHES = 64;

/** {@link refreshNorms} with upright training images, in batches as training computes them; the ranks take turns. */
export async function refreshNormsOn(
  train: Dataset,
  model: tf.LayersModel,
  { batchSize, accumulate, normalization, augment, syncBatchNorm }: TrainSettings,
  communicator: Communicator,
): Promise<void> {
  const { rank, size: ranks } = communicator;
  const size = Math.max(2, Math.floor(batchSize / (accumulate * (syncBatchNorm ? 1 : ranks))));
  const images = pickEvenly(train, Math.min(train.count, size * BATCHES));
  const views = { normalization, size: augment.size };
  async function* inputs(): AsyncGenerator<tf.Tensor> {
    for (let first = rank * size; first + 1 < images.count; first += ranks * size) {
      const length = Math.min(size, images.count - first);
      const batch = pick(
        images,
        Int32Array.from({ length }, (_, i) => first + i),
      );
      for await (const { images: x } of viewBatches(batch, views, length)) yield x;
    }
  }
  await refreshNorms(model, inputs(), communicator);
}

function normLayers(model: tf.LayersModel): NormLayer[] {
  return model.layers.flatMap((layer): NormLayer[] => {
    if ("layers" in layer) return normLayers(layer as unknown as tf.LayersModel);
    const find = (name: string): tf.LayerVariable | undefined =>
      layer.weights.find(({ originalName }) => originalName.endsWith(`/${name}`));
    const [mean, variance] = [find("moving_mean"), find("moving_variance")];
    const { momentum } = layer.getConfig() as { momentum?: number };
    if (!mean || !variance || momentum === undefined || momentum >= 1 || !layer.trainable) return [];
    return [{ momentum, mean, variance }];
  });
}
