import type { Command } from "commander";
import { lazy } from "./lazy.ts";
import { repeated } from "./options.ts";
import { addTrainFlags } from "./trainOptions.ts";

export function addSweep(program: Command): void {
  const command = program
    .command("sweep")
    .summary("train every combination of some settings and rank them")
    .description(
      "Train a configuration with every combination of some settings, one after the other, and rank them by " +
        "their score on the validation images. When restarted, it continues where it was stopped.",
    )
    .argument("[config]", "the configuration (default: the preset mnist)")
    .option("--name <name>", "the runs are named NAME-1, NAME-2, …", "sweep")
    .option("--runs <folder>", "folder of all runs", "runs")
    .option(
      "--grid <key=list>",
      "a key and its values, such as train.optimizer.learningRate=[0.002,0.005]; may be repeated",
      repeated,
      [],
    )
    .option("--seeds <list>", "seeds to repeat every combination with, such as 1,2,3")
    .option("--json", "print one JSON object per trial", false);
  addTrainFlags(command).action(lazy(async () => (await import("../actions/sweep.ts")).sweep));
}
