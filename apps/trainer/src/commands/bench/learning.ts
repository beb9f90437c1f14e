import type { Command } from "commander";
import { useBackend } from "../../backend.ts";
import { benchLearning, type LearningResult } from "../../bench/learning.ts";
import { learningTable } from "../../bench/tables.ts";
import { oddIntegers, positiveInteger } from "../options.ts";
import { backendOption, type CommonOptions, note, print, printer, THREADS } from "./common.ts";

interface LearningOptions extends CommonOptions {
  threads?: number;
  images: number;
  epochs: number;
  seeds: number;
  kernelSizes: number[];
}

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
    .action(learning);
}

async function learning(options: LearningOptions): Promise<void> {
  await useBackend(options.backend, { threads: options.threads });
  const results: LearningResult[] = [];
  await benchLearning(options, (result) => {
    results.push(result);
    const { ringBasis = "dense", kernelSize, seed, training } = result;
    if (!options.json) note(`${ringBasis} ${kernelSize}, seed ${seed}: ${(100 * training).toFixed(1)} %`);
    printer(options)(result);
  });
  print(options, () => learningTable(results));
}
