import type { Command } from "commander";
import { lazy } from "./lazy.ts";
import { JSON_REPORT, positiveInteger, TURNED_IMAGES } from "./options.ts";

export function addQuickstart(program: Command): void {
  program
    .command("quickstart")
    .summary("train on upright digits and evaluate at every angle")
    .description(
      "Train a small GMR-ResNet and its dense twin on upright MNIST, evaluate them at every angle, " +
        "and write a report.",
    )
    .option("--name <name>", "name of the run: its folder is RUNS/NAME", "quickstart")
    .option("--runs <folder>", "folder of all runs", "runs")
    .option("--resume", "continue from the run's checkpoints (done anyway if there are any)", false)
    .option("--overwrite", "start over, deleting what the run has trained", false)
    .option("--full", `turn and mirror all test images, not just ${TURNED_IMAGES}`, false)
    .option("--epochs <count>", "passes over the training images (default: the recipe's)", positiveInteger)
    .option("--limit <count>", "train on COUNT images, spread over the set", positiveInteger)
    .option("--test-limit <count>", "evaluate on COUNT test images", positiveInteger)
    .option("--json", JSON_REPORT, false)
    .action(lazy(async () => (await import("../actions/quickstart.ts")).quickstart));
}
