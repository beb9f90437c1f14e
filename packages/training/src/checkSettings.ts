// What settings of a training are allowed to be.

import { checkFinite, checkKeys, checkPositiveInteger, describeValue, GmrError, oneOf } from "@gmr-conv/core";
import type { OptimizerSettings, ScheduleSettings, TrainSettings } from "./settings.ts";

/** The names of all settings. */
export const SETTING_NAMES = {
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

/** Returns settings if they are valid. @throws GmrError `invalid-argument`, naming the setting and what was expected */
export function checkSettings(settings: TrainSettings): TrainSettings {
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
  checkKeys("the settings of loss", settings.loss, SETTING_NAMES.loss);
  checkShare("loss.labelSmoothing", settings.loss.labelSmoothing ?? 0);
  oneOf("sampling", settings.sampling, ["shuffle", "balanced"]);
  oneOf("select", settings.select, ["best", "last"]);
  if (settings.clipNorm !== undefined) checkPositive("clipNorm", settings.clipNorm);
  if (settings.ema !== undefined) checkShare("ema", settings.ema);
  checkPositiveInteger("validateEvery", settings.validateEvery);
  checkPositive("checkpointSeconds", settings.checkpointSeconds);
  if (settings.earlyStopping) {
    checkKeys("the settings of earlyStopping", settings.earlyStopping, SETTING_NAMES.earlyStopping);
    checkPositiveInteger("earlyStopping.patience", settings.earlyStopping.patience);
  }
  return settings;
}

function checkOptimizer(optimizer: OptimizerSettings): void {
  const { name, learningRate, weightDecay, momentum, beta2, epsilon } = optimizer;
  checkKeys("the settings of optimizer", optimizer, SETTING_NAMES.optimizer);
  oneOf("optimizer.name", name, ["adamw", "adam", "sgd", "adadelta"]);
  checkPositive("optimizer.learningRate", learningRate);
  if (!(checkFinite("optimizer.weightDecay", weightDecay) >= 0)) {
    throw new GmrError("invalid-argument", `optimizer.weightDecay must be at least 0, got ${weightDecay}`);
  }
  checkShare("optimizer.momentum", momentum);
  if (beta2 !== undefined) checkShare("optimizer.beta2", beta2);
  if (epsilon !== undefined) checkPositive("optimizer.epsilon", epsilon);
}

function checkSchedule(schedule: ScheduleSettings): void {
  checkKeys("the settings of schedule", schedule, SETTING_NAMES.schedule);
  oneOf("schedule.name", schedule.name, ["cosine", "constant", "step", "multistep", "onecycle"]);
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
