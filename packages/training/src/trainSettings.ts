// A default for every setting: a recipe that works without expertise. AdamW with warm-up and a cosine schedule, small
// shifts and scales, statistics of normalisation re-estimated at the end.

import { checkKeys, checkPositiveInteger } from "@gmr-conv/core";
import type { AugmentOptions } from "@gmr-conv/data";
import { checkSettings, SETTINGS } from "./checkSettings.ts";
import type { TrainOptions, TrainSettings } from "./settings.ts";

/** Steps that a network of a few layers needs to learn anything, however many images there are. */
const USEFUL_STEPS = 600;

/**
 * The settings of a training, with defaults for the number of images: small sets get small batches and more epochs.
 *
 * @throws GmrError `invalid-argument` for invalid options, naming them
 */
export function trainSettings(images: number, options: TrainOptions = {}): TrainSettings {
  checkPositiveInteger("images", images);
  checkKeys("the settings of a training", options, SETTINGS);
  const batchSize = options.batchSize ?? defaultBatchSize(images);
  const perEpoch = Math.max(1, Math.floor(images / checkPositiveInteger("batchSize", batchSize)));
  const epochs = options.epochs ?? Math.min(60, Math.max(3, Math.ceil(USEFUL_STEPS / perEpoch)));
  const settings: TrainSettings = {
    ...defined(options),
    epochs,
    batchSize,
    accumulate: options.accumulate ?? 1,
    seed: options.seed ?? 1,
    optimizer: {
      name: "adamw",
      learningRate: DEFAULT_RATES[options.optimizer?.name ?? "adamw"],
      weightDecay: 1e-3,
      momentum: 0.9,
      ...defined(options.optimizer ?? {}),
    },
    schedule: options.schedule ?? { name: "cosine", warmup: 0.15 },
    loss: options.loss ?? {},
    sampling: options.sampling ?? "shuffle",
    augment: { ...DEFAULT_AUGMENT, ...options.augment },
    checkpointStages: options.checkpointStages ?? false,
    syncBatchNorm: options.syncBatchNorm ?? false,
    validateEvery: options.validateEvery ?? 1,
    select: options.select ?? (options.earlyStopping ? "best" : "last"),
    refreshNorms: options.refreshNorms ?? true,
    checkpointSeconds: options.checkpointSeconds ?? 30,
    keepCheckpoints: options.keepCheckpoints ?? 2,
    retrySeconds: options.retrySeconds ?? 300,
  };
  return checkSettings(settings);
}

/** Small subpixel shifts and scales: training images are interpolated as turned ones will be, without being turned. */
const DEFAULT_AUGMENT = {
  translate: 3,
  subpixel: true,
  scale: [0.9, 1.1],
  fill: "reflect",
} as const satisfies AugmentOptions;

const DEFAULT_RATES = { adamw: 5e-3, adam: 2e-3, sgd: 0.05, adadelta: 1 } as const;

/** Small for small sets, but large enough for batch normalisation. */
const defaultBatchSize = (images: number): number =>
  Math.min(images, images >= 2000 ? 64 : images >= 500 ? 32 : 16);

/** Without the entries that are undefined. */
function defined<T extends object>(entries: T): T {
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined)) as T;
}
