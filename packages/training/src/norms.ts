// Statistics of batch normalisation, estimated anew. In training they are moving averages, which lag behind weights that still
// change: after a short training a network can read its own training images at chance.

import { GmrError } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";

interface NormLayer {
  /** Share of the old average that stays. */
  momentum: number;
  mean: tf.LayerVariable;
  variance: tf.LayerVariable;
}

/**
 * Sets the moving averages of all batch normalisation layers to the mean of what they see over some batches, with the present
 * weights ("precise BN", Wu and Johnson 2021, https://arxiv.org/abs/2105.07576). Layers that are not trainable keep theirs.
 *
 * @param batches inputs of the model, [N, ...sizes, C]; they are disposed of
 * @returns how many batches were seen; 0 for a model without such layers, whatever the batches
 */
export async function refreshNorms(
  model: tf.LayersModel,
  batches: AsyncIterable<tf.Tensor> | Iterable<tf.Tensor>,
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
