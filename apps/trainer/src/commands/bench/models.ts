import type { Command } from "commander";
import { benchModels, MODEL_BENCHES, type ModelStep } from "../../bench/models.ts";
import { modelTable } from "../../bench/tables.ts";
import { pattern, positiveInteger } from "../options.ts";
import { backendOption, type CommonOptions, note, print, printer, THREADS } from "./common.ts";

interface ModelsOptions extends CommonOptions {
  threads?: number;
  only?: RegExp;
  batchSize?: number;
  checkpointStages: boolean;
}

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
    .option("--json", "print one JSON object per network", false)
    .action(models);
}

async function models(options: ModelsOptions): Promise<void> {
  const benches = MODEL_BENCHES.filter(({ name }) => options.only?.test(name) ?? true).map((bench) => ({
    ...bench,
    batch: options.batchSize ?? bench.batch,
    checkpointStages: options.checkpointStages,
  }));
  const steps: ModelStep[] = [];
  const { backend, threads } = options;
  await benchModels(benches, { backend, threads, runs: options.repeat }, (step) => {
    steps.push(step);
    if (!options.json) note(`${step.name}: ${(step.ms / 1000).toFixed(2)} s, ${step.peakMB} MB`);
    printer(options)(step);
  });
  print(options, () => modelTable(steps));
}
