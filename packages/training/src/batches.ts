import { checkKeys } from "@gmr-conv/core";
import { augmenter, type BatchPart, BatchStream, type Dataset } from "@gmr-conv/data";
import { SETTINGS } from "./checkSettings.ts";
import type { TrainSettings } from "./settings.ts";

/**
 * The batches of a training.
 * @param part for processes that share each batch
 * @throws GmrError `invalid-argument` as `BatchStream` and `augmenter`
 */
export function batchStream(train: Dataset, settings: TrainSettings, part?: BatchPart): BatchStream {
  checkKeys("the settings of a training", settings, SETTINGS);
  const { batchSize, epochs, seed, sampling, augment, normalization } = settings;
  return new BatchStream(train, {
    batchSize,
    epochs,
    seed,
    sampling,
    augment: augmenter(augment, normalization),
    part,
  });
}
