import { type Command, InvalidArgumentError } from "commander";
import { NETWORK_PASSES, type NetworkPass } from "../../bench/measurements.ts";
import { lazy } from "../lazy.ts";
import { names, pattern, positiveInteger } from "../options.ts";
import { backendOption, PEERS, THREADS } from "./common.ts";

export function addModels(bench: Command): void {
  bench
    .command("models")
    .summary("a training step of every network")
    .description(
      "Time a training step of every network at its usual input size, and measure its peak memory, each in its own " +
        "process; the best of several runs after warm-up.",
    )
    .addOption(backendOption())
    .option("--threads <count>", THREADS, positiveInteger)
    .option("--only <pattern>", "networks whose names match a regular expression", pattern)
    .option("--batch-size <count>", "images or volumes", positiveInteger)
    .option("--checkpoint-stages", "keep less in memory and compute stages twice", false)
    .option("--repeat <count>", "counted steps", positiveInteger, 2)
    .option(
      "--peers [python]",
      `each GMR network in turn with its dense twin and, in PyTorch, the official one: ${PEERS}`,
    )
    .option("--pass <list>", "with --peers: train-step, inference", passes, ["train-step"])
    .option("--json", "print one JSON object per network", false)
    .action(lazy(async () => (await import("../../actions/bench/models.ts")).models));
}

function passes(text: string): NetworkPass[] {
  return names(text).map((name) => {
    const found = NETWORK_PASSES.find((pass) => pass === name);
    if (found === undefined) throw new InvalidArgumentError('Expected "train-step", "inference" or both.');
    return found;
  });
}
