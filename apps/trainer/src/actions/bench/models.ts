import { GmrError } from "@gmr-conv/core";
import type { NetworkPass, NetworkTime } from "../../bench/measurements.ts";
import { benchModels, compareModels, MODEL_BENCHES, type ModelStep } from "../../bench/models.ts";
import { pyTorchModels } from "../../bench/peers/pytorch.ts";
import { modelTable, networkTable } from "../../bench/tables.ts";
import { type CommonOptions, note, print, printer, printRatios, python } from "./common.ts";

interface ModelsOptions extends CommonOptions {
  threads?: number;
  only?: RegExp;
  batchSize?: number;
  checkpointStages: boolean;
  pass: NetworkPass[];
}

export async function models(options: ModelsOptions): Promise<void> {
  const benches = MODEL_BENCHES.filter(({ name }) => options.only?.test(name) ?? true).map((bench) => ({
    ...bench,
    batch: options.batchSize ?? bench.batch,
    checkpointStages: options.checkpointStages,
  }));
  const compared = benches.filter(({ name }) => !options.peers || name.startsWith("gmr-"));
  if (compared.length === 0) {
    const which = options.peers ? "GMR network" : "network";
    throw new GmrError("invalid-argument", `--only must match a ${which}, got ${options.only}`);
  }
  const { backend, threads } = options;
  const settings = { backend, threads, runs: options.repeat };
  if (options.peers) {
    const all: NetworkTime[] = [];
    const peers = pyTorchModels(python(options), note);
    await compareModels(compared, { ...settings, passes: options.pass }, peers, (times) => {
      all.push(...times);
      for (const { model, pass, impl, ms, peakMB, ...rest } of times) {
        if (!options.json) note(`${model}, ${pass}, ${impl}: ${(ms / 1000).toFixed(2)} s, ${peakMB} MB`);
        printer(options)({ ...rest, model, pass, impl, ms, peakMB });
      }
    });
    if (all.length > 0) print(options, () => networkTable(all));
    printRatios(options, all);
    return;
  }
  const steps: ModelStep[] = [];
  await benchModels(benches, settings, (step) => {
    steps.push(step);
    if (!options.json) note(`${step.name}: ${(step.ms / 1000).toFixed(2)} s, ${step.peakMB} MB`);
    printer(options)(step);
  });
  print(options, () => modelTable(steps));
}
