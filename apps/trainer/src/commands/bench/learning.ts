import type { Command } from "commander";
import { lazy } from "../lazy.ts";
import { oddIntegers, positiveInteger } from "../options.ts";
import { backendOption, THREADS } from "./common.ts";

export function addLearning(bench: Command): void {
  bench
    .command("learning")
    .summary("how fast small networks learn")
    .description(
      "Train a small network on upright digits, as it is and with its convolutions swapped for ring convolutions in " +
        "each basis, and show the accuracy each reaches on its training images.",
    )
    .addOption(backendOption())
    .option("--threads <count>", THREADS, positiveInteger)
    .option("--images <count>", "training images", positiveInteger, 3000)
    .option("--epochs <count>", "passes over them", positiveInteger, 4)
    .option("--seeds <count>", "trainings of each network", positiveInteger, 5)
    .option("--kernel-sizes <list>", "of the ring convolutions, odd", oddIntegers, [5, 9])
    .option("--json", "print one JSON object per training", false)
    .action(lazy(async () => (await import("../../actions/bench/learning.ts")).learning));
}
