import { benchModels, MODEL_BENCHES, type ModelStep } from "../../bench/models.ts";
import { modelTable } from "../../bench/tables.ts";
import { type CommonOptions, note, print, printer } from "./common.ts";

interface ModelsOptions extends CommonOptions {
  threads?: number;
  only?: RegExp;
  batchSize?: number;
  checkpointStages: boolean;
}

export async function models(options: ModelsOptions): Promise<void> {
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
