// Options of the commands that train.

import { type Command, Option } from "commander";
import { BACKENDS } from "../backendNames.ts";
import { presetNames } from "../config/presets.ts";
import {
  belowOne,
  integer,
  names,
  nonNegativeNumber,
  oddIntegers,
  positiveInteger,
  positiveIntegers,
  positiveNumber,
  repeated,
} from "./options.ts";

/** Options with the keys of a configuration that they set. */
export const TRAIN_FLAGS: readonly (readonly [
  flags: string,
  text: string,
  parse: (text: string) => unknown,
  path: string,
])[] = [
  ["--limit <count>", "train on COUNT images, spread over the set", positiveInteger, "limit"],
  ["--epochs <count>", "passes over the training images", positiveInteger, "train.epochs"],
  ["--batch-size <count>", "images per step", positiveInteger, "train.batchSize"],
  [
    "--accumulate <count>",
    "compute each step in COUNT parts, with less memory",
    positiveInteger,
    "train.accumulate",
  ],
  ["--seed <integer>", "decides initial weights, order and augmentation", integer, "train.seed"],
  ["--learning-rate <number>", "the largest of the schedule", positiveNumber, "train.optimizer.learningRate"],
  ["--weight-decay <number>", "of kernels", nonNegativeNumber, "train.optimizer.weightDecay"],
  ["--momentum <number>", "momentum, or Adam's beta 1, in [0, 1)", belowOne, "train.optimizer.momentum"],
  ["--label-smoothing <share>", "in [0, 1)", belowOne, "train.loss.labelSmoothing"],
  [
    "--clip-norm <number>",
    "scale gradients down to this norm if theirs is larger",
    positiveNumber,
    "train.clipNorm",
  ],
  ["--ema <decay>", "use moving averages of the weights, such as 0.999", belowOne, "train.ema"],
  [
    "--translate <pixels>",
    "random shifts to each side, with fractions of a pixel",
    nonNegativeNumber,
    "train.augment.translate",
  ],
  [
    "--keep-checkpoints <count>",
    "how many of the last checkpoints to keep, in case one is damaged",
    positiveInteger,
    "train.keepCheckpoints",
  ],
  ["--loaders <count>", "threads that read and augment images for each network", positiveInteger, "loaders"],
];

/** Options of the networks, not of their training. */
export const MODEL_FLAGS: readonly (readonly [
  flags: string,
  text: string,
  parse: (text: string) => unknown,
  key: string,
])[] = [
  ["--depths <list>", "blocks per stage, such as 2,2,2", positiveIntegers, "depths"],
  ["--widths <list>", "channels per stage, such as 16,24,40", positiveIntegers, "widths"],
  ["--kernel-sizes <list>", "kernel size per stage of the GMR network, odd", oddIntegers, "kernelSizes"],
];

export interface TrainFlags {
  preset?: string;
  dataset?: string;
  folder?: string;
  file?: string;
  networks?: string[];
  model?: string;
  backend?: string;
  optimizer?: string;
  schedule?: string;
  scale?: number;
  checkpointStages?: boolean;
  syncBatchNorm?: boolean;
  skipDamaged?: boolean;
  set: string[];
  [flag: string]: unknown;
}

export function addTrainFlags(command: Command): Command {
  command
    .addOption(
      new Option("--preset <name>", "a configuration that comes with the command").choices(presetNames()),
    )
    .option("--dataset <name>", "the data set (gmr data list)")
    .option("--folder <folder>", "the data set's folder")
    .option("--file <file>", "the data set's file, for data sets that are one file")
    .option("--networks <list>", "networks sized for the images: gmr, dense or gmr,dense", names)
    .option("--model <name>", "the network to train (gmr models)")
    .addOption(new Option("--backend <name>", "where to compute").choices(BACKENDS))
    .addOption(
      new Option("--optimizer <name>", "the optimiser").choices(["adamw", "adam", "sgd", "adadelta"]),
    )
    .addOption(
      new Option("--schedule <name>", "of the learning rate").choices(["cosine", "constant", "onecycle"]),
    )
    .option("--scale <share>", "random magnification by up to this share, in [0, 1)", belowOne)
    .option("--checkpoint-stages", "keep less in memory and compute stages twice")
    .option("--sync-batch-norm", "with --distributed: normalise batches as a whole, as one process would")
    .option("--skip-damaged", "leave out images that cannot be read, and list them");
  for (const [flags, text, parse] of [...TRAIN_FLAGS, ...MODEL_FLAGS]) command.option(flags, text, parse);
  return command.option(
    "--set <key=value>",
    "set any key of the configuration, such as train.augment.rotate=15; may be repeated",
    repeated,
    [],
  );
}
