import type { Command } from "commander";
import { addRankFlags } from "../ranks/options.ts";
import { lazy } from "./lazy.ts";
import { addTrainFlags } from "./trainOptions.ts";

export function addTrain(program: Command): void {
  const command = program
    .command("train")
    .summary("train networks")
    .description(
      "Train networks by a configuration (YAML or JSON; default: the preset mnist), each key of which can be changed " +
        "by an option. Ctrl-C leaves a checkpoint.",
    )
    .argument("[config]", "the configuration")
    .option("--name <name>", "name of the run: its folder is RUNS/NAME", "train")
    .option("--runs <folder>", "folder of all runs", "runs")
    .option(
      "--resume",
      "continue from the run's checkpoints with its settings, optionally for more --epochs",
      false,
    )
    .option("--overwrite", "start over, deleting what the run has trained", false);
  addRankFlags(addTrainFlags(command)).action(lazy(async () => (await import("../actions/train.ts")).train));
}
