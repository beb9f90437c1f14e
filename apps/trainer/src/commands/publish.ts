import type { Command } from "commander";
import { lazy } from "./lazy.ts";

export function addPublish(program: Command): void {
  program
    .command("publish")
    .summary("write the weights of a run with a model card")
    .description(
      "Write the weights of an evaluated run with a model card: OUTPUT/NAME.safetensors and OUTPUT/NAME.json.",
    )
    .argument("<run>", "name of the run")
    .argument("<name>", "new name of the network")
    .option("--runs <folder>", "folder of all runs", "runs")
    .option("--network <name>", "which network of the run (default: the first)")
    .option("--description <text>", "one line about the network", "")
    .option("--command <text>", "the commands that produced it (default: those of the run)")
    .option("--licence <name>", "of the weights", "MIT")
    .option("--output <folder>", "where to write", "weights")
    .action(lazy(async () => (await import("../actions/publish.ts")).publish));
}
