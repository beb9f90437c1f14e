import type { Command } from "commander";
import { addLayers } from "./bench/layers.ts";
import { addLearning } from "./bench/learning.ts";
import { addModels } from "./bench/models.ts";
import { addNetwork } from "./bench/network.ts";
import { addPeak } from "./bench/peak.ts";
import { addStart } from "./bench/start.ts";

export function addBench(program: Command): void {
  const bench = program.command("bench").summary("measure speed").description("Measure speed.");
  addLayers(bench);
  addNetwork(bench);
  addModels(bench);
  addPeak(bench);
  addStart(bench);
  addLearning(bench);
}
