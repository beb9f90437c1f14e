import { useBackend } from "../../backend.ts";
import { benchLearning, type LearningResult } from "../../bench/learning.ts";
import { learningTable } from "../../bench/tables.ts";
import { type CommonOptions, note, print, printer } from "./common.ts";

interface LearningOptions extends CommonOptions {
  threads?: number;
  images: number;
  epochs: number;
  seeds: number;
  kernelSizes: number[];
}

export async function learning(options: LearningOptions): Promise<void> {
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
