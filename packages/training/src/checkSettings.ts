// What settings of a training are allowed to be.

import {
  checkFinite,
  checkKeys,
  checkPositiveInteger,
  describeValue,
  GmrError,
  type KeysOf,
  oneOf,
} from "@gmr-conv/core";
import { augmenter } from "@gmr-conv/data";
import type {
  EarlyStopping,
  LossSettings,
  OptimizerSettings,
  ScheduleSettings,
  TrainSettings,
} from "./settings.ts";

/** The names of all settings. */
export const SETTINGS: KeysOf<TrainSettings> = {
  epochs: true,
  batchSize: true,
  accumulate: true,
  seed: true,
  optimizer: true,
  schedule: true,
  loss: true,
  sampling: true,
  augment: true,
  normalization: true,
  clipNorm: true,
  ema: true,
  checkpointStages: true,
  syncBatchNorm: true,
  validateEvery: true,
  validationLimit: true,
  earlyStopping: true,
  select: true,
  refreshNorms: true,
  checkpointSeconds: true,
  keepCheckpoints: true,
  retrySeconds: true,
  keepEvery: true,
};

const OPTIMIZER: KeysOf<OptimizerSettings> = {
  name: true,
  learningRate: true,
  weightDecay: true,
  momentum: true,
  beta2: true,
  epsilon: true,
  nesterov: true,
  exclude: true,
};

type ScheduleName = ScheduleSettings["name"];

const SCHEDULES: { readonly [Name in ScheduleName]: KeysOf<Extract<ScheduleSettings, { name: Name }>> } = {
  cosine: { name: true, warmup: true, minimum: true },
  constant: { name: true, warmup: true },
  step: { name: true, warmup: true, every: true, factor: true },
  multistep: { name: true, warmup: true, at: true, factor: true },
  onecycle: { name: true, warmup: true, start: true, minimum: true },
};

const LOSS: KeysOf<LossSettings> = {
  labelSmoothing: true,
  classWeights: true,
  diceWeight: true,
  crossEntropyWeight: true,
};

const EARLY_STOPPING: KeysOf<EarlyStopping> = { patience: true, minimumGain: true };

/** Returns settings if they are valid. @throws GmrError `invalid-argument`, naming the setting and what was expected */
export function checkSettings(settings: TrainSettings): TrainSettings {
  checkKeys("the settings of a training", settings, SETTINGS);
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
  checkOptimizer(settings.optimizer);
  checkSchedule(settings.schedule);
  checkKeys("the settings of loss", settings.loss, LOSS);
  checkShare("loss.labelSmoothing", settings.loss.labelSmoothing ?? 0);
  augmenter(settings.augment, settings.normalization);
  oneOf("sampling", settings.sampling, ["shuffle", "balanced"]);
  oneOf("select", settings.select, ["best", "last"]);
  if (settings.clipNorm !== undefined) checkPositive("clipNorm", settings.clipNorm);
  if (settings.ema !== undefined) checkShare("ema", settings.ema);
  checkPositiveInteger("validateEvery", settings.validateEvery);
  checkPositive("checkpointSeconds", settings.checkpointSeconds);
  if (checkPositiveInteger("keepCheckpoints", settings.keepCheckpoints) > 100) {
    throw new GmrError(
      "invalid-argument",
      `keepCheckpoints must be at most 100, got ${settings.keepCheckpoints}`,
    );
  }
  if (!(checkFinite("retrySeconds", settings.retrySeconds) >= 0)) {
    throw new GmrError("invalid-argument", `retrySeconds must be at least 0, got ${settings.retrySeconds}`);
  }
  if (settings.earlyStopping) {
    checkKeys("the settings of earlyStopping", settings.earlyStopping, EARLY_STOPPING);
    checkPositiveInteger("earlyStopping.patience", settings.earlyStopping.patience);
  }
  return settings;
}

export function checkOptimizer(optimizer: OptimizerSettings): void {
  checkKeys("the settings of optimizer", optimizer, OPTIMIZER);
  const { name, learningRate, weightDecay, momentum, beta2, epsilon } = optimizer;
  oneOf("optimizer.name", name, ["adamw", "adam", "sgd", "adadelta"]);
  checkPositive("optimizer.learningRate", learningRate);
  if (!(checkFinite("optimizer.weightDecay", weightDecay) >= 0)) {
    throw new GmrError("invalid-argument", `optimizer.weightDecay must be at least 0, got ${weightDecay}`);
  }
  checkShare("optimizer.momentum", momentum);
  if (beta2 !== undefined) checkShare("optimizer.beta2", beta2);
  if (epsilon !== undefined) checkPositive("optimizer.epsilon", epsilon);
}

/** Checks the names of a schedule's settings. */
export function checkScheduleKeys(schedule: ScheduleSettings): void {
  const name = oneOf("schedule.name", schedule.name, ["cosine", "constant", "step", "multistep", "onecycle"]);
  checkKeys<object>(`the settings of schedule "${name}"`, schedule, SCHEDULES[name]);
}

function checkSchedule(schedule: ScheduleSettings): void {
  checkScheduleKeys(schedule);
  if (schedule.warmup !== undefined && schedule.warmup !== 1) checkShare("schedule.warmup", schedule.warmup);
  if (schedule.name === "step") {
    checkPositiveInteger("schedule.every", schedule.every);
    checkPositive("schedule.factor", schedule.factor);
  }
  if (schedule.name === "multistep") {
    schedule.at.forEach((epoch, i) => {
      checkPositiveInteger(`schedule.at[${i}]`, epoch);
    });
    checkPositive("schedule.factor", schedule.factor);
  }
}

function checkPositive(name: string, value: unknown): void {
  if (checkFinite(name, value) > 0) return;
  throw new GmrError("invalid-argument", `${name} must be positive, got ${describeValue(value)}`);
}

function checkShare(name: string, value: unknown): void {
  if (typeof value === "number" && value >= 0 && value < 1) return;
  throw new GmrError("invalid-argument", `${name} must lie in [0, 1), got ${describeValue(value)}`);
}
