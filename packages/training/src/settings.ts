// What decides a training.

import type { AugmentOptions, Normalization } from "@gmr-conv/data";

/** An optimiser. Weight decay acts on convolution and dense kernels (see `decaysWeight` of `@gmr-conv/tfjs`). */
export interface OptimizerSettings {
  /**
   * - `adamw`: Adam with decoupled weight decay (Loshchilov and Hutter 2019).
   * - `adam`: Adam (Kingma and Ba 2015), weight decay added to the gradient.
   * - `sgd`: with Nesterov momentum and decoupled weight decay; `nesterov: false` is PyTorch's SGD, with weight decay
   *   added to the gradient.
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

/**
 * The course of the learning rate, as a factor of the optimiser's; it rises linearly over the share `warmup` of the
 * steps.
 */
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
  /** Share of every label that is spread over all classes, in [0, 1). Default 0. */
  labelSmoothing?: number | undefined;
  /** A weight for each class, or `"balanced"`: all classes count alike. Default: all 1. */
  classWeights?: readonly number[] | "balanced" | undefined;
  /** Segmentation: weight of the Dice loss beside the cross entropy. Default 1. */
  diceWeight?: number | undefined;
  /** Segmentation: weight of the cross entropy. Default 1. */
  crossEntropyWeight?: number | undefined;
}

export interface EarlyStopping {
  /** Number of validations without a better one after which training ends. */
  patience: number;
  /** Gain in score, from 0 to 1, that counts as better. Default 0. */
  minimumGain?: number | undefined;
}

export interface TrainSettings {
  /** Passes over the training images. */
  epochs: number;
  /** Images per step of the optimiser. */
  batchSize: number;
  /** Number of parts to compute a step in, with less memory; their gradients are averaged. Default 1. */
  accumulate: number;
  /** Decides the order, augmentation and everything else that is random. */
  seed: number;
  optimizer: OptimizerSettings;
  schedule: ScheduleSettings;
  loss: LossSettings;
  /** The order of the images: all in each epoch, or every class equally often. Default `"shuffle"`. */
  sampling: "shuffle" | "balanced";
  augment: AugmentOptions;
  /** Standardisation of the images; the network then needs it wherever it is used. */
  normalization?: Normalization | undefined;
  /** Scale gradients down to this norm if theirs is larger. */
  clipNorm?: number | undefined;
  /** Validate and finish with an exponential moving average of the weights of this decay. */
  ema?: number | undefined;
  /** Keep only the tensors between stages, and compute stages twice: less memory. */
  checkpointStages: boolean;
  /**
   * Training on several processes: normalise each batch with the statistics of all its parts, as one process would,
   * where each part has its own otherwise. Costs an exchange for each layer and direction. Not on WebGPU. Default
   * false.
   */
  syncBatchNorm: boolean;
  /** Epochs between validations. Default 1. */
  validateEvery: number;
  /** Number of images to validate on, spread over the set. Default: all. */
  validationLimit?: number | undefined;
  earlyStopping?: EarlyStopping | undefined;
  /**
   * The weights to end with: those with the best validation, or the last ones. Default `"last"`, with `earlyStopping`
   * `"best"`: once the learning rate has run out, the last weights are the best, up to the noise of the validation.
   */
  select: "best" | "last";
  /** Re-estimate the statistics of batch normalisation when training ends. Default true. */
  refreshNorms: boolean;
  /** Seconds between checkpoints. Default 30. */
  checkpointSeconds: number;
  /** How many of the last checkpoints to keep: if one is damaged, training goes on from the one before. Default 2. */
  keepCheckpoints: number;
  /**
   * For how many seconds to try again if the checkpoint at the end cannot be written, 10 at most where training was
   * asked to stop. Default 300.
   */
  retrySeconds: number;
  /** Keep a checkpoint every this many epochs. Default: none. */
  keepEvery?: number | undefined;
}

/** Settings as a user gives them: each has a default. */
export type TrainOptions = {
  [K in keyof TrainSettings]?: K extends "optimizer"
    ? Partial<OptimizerSettings> | undefined
    : TrainSettings[K] | undefined;
};
