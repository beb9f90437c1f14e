// What decides a training, with a default for everything. The defaults are a recipe that works without expertise: AdamW with a
// warm-up and a cosine, small shifts and scales, statistics of normalisation estimated anew at the end.

import { checkFinite, checkKeys, checkPositiveInteger, describeValue, GmrError, oneOf } from "@gmr-conv/core";
import type { AugmentOptions, Normalization } from "@gmr-conv/data";

/** An optimiser. Weight decay acts on convolution and dense kernels (see `decaysWeight` of `@gmr-conv/tfjs`). */
export interface OptimizerSettings {
  /**
   * - `adamw`: Adam with decoupled weight decay (Loshchilov and Hutter 2019).
   * - `adam`: Adam (Kingma and Ba 2015), weight decay added to the gradient.
   * - `sgd`: with momentum, by default that of Nesterov, weight decay decoupled; `nesterov: false` is PyTorch's SGD, with weight
   *   decay added to the gradient.
   * - `adadelta`: Zeiler 2012; `learningRate` scales its steps (1 in the paper).
   */
  name: "adamw" | "adam" | "sgd" | "adadelta";
  /** The largest learning rate of the schedule. */
  learningRate: number;
  weightDecay: number;
  /** Momentum, Adam's β₁, or Adadelta's ρ. */
  momentum: number;
  /** Adam's β₂. Default 0.999. */
  beta2?: number | undefined;
  /** Added to Adam's and Adadelta's roots. Default 1e-8, Adadelta 1e-6. */
  epsilon?: number | undefined;
  /** Of `sgd`. Default true. */
  nesterov?: boolean | undefined;
  /** Regular expressions on names such as `layer1.0.conv1/bias`: weights that match do not decay. */
  exclude?: readonly string[] | undefined;
}

/** How the learning rate runs, as a factor of the optimiser's. `warmup` is the share of the steps in which it rises along a line. */
export type ScheduleSettings =
  | {
      name: "cosine";
      warmup?: number | undefined /** Factor at the end. Default 0. */;
      minimum?: number | undefined;
    }
  | { name: "constant"; warmup?: number | undefined }
  | { name: "step"; warmup?: number | undefined /** Epochs. */; every: number; factor: number }
  | { name: "multistep"; warmup?: number | undefined /** Epochs. */; at: readonly number[]; factor: number }
  | {
      /** Up along half a cosine, down along another (Smith and Topin 2018). */
      name: "onecycle";
      /** Share of the steps on the way up. Default 0.3. */
      warmup?: number | undefined;
      /** Factor at the start. Default 1/25. */
      start?: number | undefined;
      /** Factor at the end. Default 1e-4. */
      minimum?: number | undefined;
    };

export interface LossSettings {
  /** Share of every label that is shared out among all classes, in [0, 1). Default 0. */
  labelSmoothing?: number | undefined;
  /** A weight for each class, or such that all classes count alike. Default: all 1. */
  classWeights?: readonly number[] | "balanced" | undefined;
  /** Segmentation: weight of the Dice loss beside the cross entropy. Default 1. */
  dice?: number | undefined;
  /** Segmentation: weight of the cross entropy. Default 1. */
  crossEntropy?: number | undefined;
}

export interface EarlyStopping {
  /** So many validations without a better one, and training ends. */
  patience: number;
  /** What counts as better, in shares. Default 0. */
  minimumGain?: number | undefined;
}

export interface TrainSettings {
  /** Passes over the training images. */
  epochs: number;
  /** Images per step of the optimiser. */
  batchSize: number;
  /** Work a step off in so many parts, with less memory; their gradients are averaged. Default 1. */
  accumulate: number;
  /** Decides order, augmentation and what else is drawn. */
  seed: number;
  optimizer: OptimizerSettings;
  schedule: ScheduleSettings;
  loss: LossSettings;
  /** The order of the images: all in each epoch, or every class equally often. Default `"shuffle"`. */
  sampling: "shuffle" | "balanced";
  augment: AugmentOptions;
  /** Standardisation of the images; the network then wants it wherever it is used. */
  normalization?: Normalization | undefined;
  /** Scale gradients down to this norm where theirs is larger. */
  clipNorm?: number | undefined;
  /** Validate and finish with an exponential moving average of the weights of this decay. */
  ema?: number | undefined;
  /** Keep the tensors between stages only, and compute stages twice: less memory. */
  checkpointStages: boolean;
  /** Epochs between validations. Default 1. */
  validateEvery: number;
  /** Validate on so many images only, spread over the set. Default: all. */
  validationLimit?: number | undefined;
  earlyStopping?: EarlyStopping | undefined;
  /**
   * What to end with: the weights with the best validation, or the last ones. Default `"last"`, with `earlyStopping` `"best"`: where
   * the learning rate runs out, the last weights are the best but for the noise of the validation.
   */
  select: "best" | "last";
  /** Estimate the statistics of batch normalisation anew when training ends. Default true. */
  refreshNorms: boolean;
  /** Seconds between checkpoints. Default 30. */
  checkpointSeconds: number;
  /** Keep a checkpoint of every so-manieth epoch. Default: none. */
  keepEvery?: number | undefined;
}

/** Settings as one gives them: everything has a default. */
export type TrainOptions = {
  [K in keyof TrainSettings]?: K extends "optimizer"
    ? Partial<OptimizerSettings> | undefined
    : TrainSettings[K] | undefined;
};

/** Steps that a network of a few layers needs to learn anything, whatever the number of images. */
const USEFUL_STEPS = 600;

/**
 * The default settings for so many training images: small sets get small batches and more epochs.
 *
 * @throws GmrError `invalid-argument` for options that are never allowed, naming them
 */
export function trainSettings(images: number, options: TrainOptions = {}): TrainSettings {
  checkPositiveInteger("images", images);
  checkKeys("the settings of a training", options, KEYS.train);
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
    validateEvery: options.validateEvery ?? 1,
    select: options.select ?? (options.earlyStopping ? "best" : "last"),
    refreshNorms: options.refreshNorms ?? true,
    checkpointSeconds: options.checkpointSeconds ?? 30,
  };
  return checkSettings(settings);
}

/**
 * Small shifts by fractions of a pixel, and scales: what turned images meet, their pixels are interpolated, without any turn.
 */
const DEFAULT_AUGMENT = {
  translate: 3,
  subpixel: true,
  scale: [0.9, 1.1],
  fill: "reflect",
} as const satisfies AugmentOptions;

const KEYS = {
  train: [
    ...["epochs", "batchSize", "accumulate", "seed", "optimizer", "schedule", "loss", "sampling", "augment"],
    ...["normalization", "clipNorm", "ema", "checkpointStages", "validateEvery", "validationLimit"],
    ...["earlyStopping", "select", "refreshNorms", "checkpointSeconds", "keepEvery"],
  ],
  optimizer: [
    ...["name", "learningRate", "weightDecay", "momentum", "beta2", "epsilon", "nesterov", "exclude"],
  ],
  schedule: ["name", "warmup", "minimum", "every", "factor", "at", "start"],
  loss: ["labelSmoothing", "classWeights", "dice", "crossEntropy"],
  earlyStopping: ["patience", "minimumGain"],
};

const DEFAULT_RATES = { adamw: 5e-3, adam: 2e-3, sgd: 0.05, adadelta: 1 } as const;

/** A tenth of a small set, and never so few that normalisation knows nothing. */
const defaultBatchSize = (images: number): number =>
  Math.min(images, images >= 2000 ? 64 : images >= 500 ? 32 : 16);

/** Without the entries that are undefined. */
function defined<T extends object>(entries: T): T {
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined)) as T;
}

/** Checks settings. @throws GmrError `invalid-argument`, naming the setting and what was expected */
export function checkSettings(settings: TrainSettings): TrainSettings {
  const positive = (name: string, value: unknown): number => {
    if (checkFinite(name, value) > 0) return value as number;
    throw new GmrError("invalid-argument", `${name} must be positive, got ${describeValue(value)}`);
  };
  const share = (name: string, value: unknown, most = 1): void => {
    if (typeof value === "number" && value >= 0 && value < most) return;
    if (value === most && most === 1 && name.startsWith("schedule")) return;
    throw new GmrError("invalid-argument", `${name} must lie in [0, ${most}), got ${describeValue(value)}`);
  };
  checkPositiveInteger("epochs", settings.epochs);
  checkPositiveInteger("batchSize", settings.batchSize);
  checkPositiveInteger("accumulate", settings.accumulate);
  if (settings.batchSize % settings.accumulate !== 0) {
    throw new GmrError(
      "invalid-argument",
      `accumulate (${settings.accumulate}) must divide the batch size, ${settings.batchSize}`,
    );
  }
  if (!Number.isSafeInteger(settings.seed)) {
    throw new GmrError("invalid-argument", `seed must be an integer, got ${describeValue(settings.seed)}`);
  }
  const { optimizer, schedule, loss } = settings;
  checkKeys("the settings of optimizer", optimizer, KEYS.optimizer);
  checkKeys("the settings of schedule", schedule, KEYS.schedule);
  checkKeys("the settings of loss", loss, KEYS.loss);
  if (settings.earlyStopping)
    checkKeys("the settings of earlyStopping", settings.earlyStopping, KEYS.earlyStopping);
  oneOf("optimizer.name", optimizer.name, ["adamw", "adam", "sgd", "adadelta"]);
  positive("optimizer.learningRate", optimizer.learningRate);
  if (!(checkFinite("optimizer.weightDecay", optimizer.weightDecay) >= 0)) {
    throw new GmrError(
      "invalid-argument",
      `optimizer.weightDecay must be at least 0, got ${optimizer.weightDecay}`,
    );
  }
  share("optimizer.momentum", optimizer.momentum);
  if (optimizer.beta2 !== undefined) share("optimizer.beta2", optimizer.beta2);
  if (optimizer.epsilon !== undefined) positive("optimizer.epsilon", optimizer.epsilon);
  oneOf("schedule.name", schedule.name, ["cosine", "constant", "step", "multistep", "onecycle"]);
  if (schedule.warmup !== undefined) share("schedule.warmup", schedule.warmup);
  if (schedule.name === "step") {
    checkPositiveInteger("schedule.every", schedule.every);
    positive("schedule.factor", schedule.factor);
  }
  if (schedule.name === "multistep") {
    schedule.at.forEach((epoch, i) => {
      checkPositiveInteger(`schedule.at[${i}]`, epoch);
    });
    positive("schedule.factor", schedule.factor);
  }
  share("loss.labelSmoothing", loss.labelSmoothing ?? 0);
  oneOf("sampling", settings.sampling, ["shuffle", "balanced"]);
  oneOf("select", settings.select, ["best", "last"]);
  if (settings.clipNorm !== undefined) positive("clipNorm", settings.clipNorm);
  if (settings.ema !== undefined) share("ema", settings.ema);
  checkPositiveInteger("validateEvery", settings.validateEvery);
  positive("checkpointSeconds", settings.checkpointSeconds);
  if (settings.earlyStopping) checkPositiveInteger("earlyStopping.patience", settings.earlyStopping.patience);
  return settings;
}
