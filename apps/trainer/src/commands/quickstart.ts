import type { Command } from "commander";
import { evaluate, publish } from "../pipeline.ts";
import { quickstartConfig } from "../recipes.ts";
import { inRun, startOf } from "../runs/openRun.ts";
import { RunFolder } from "../runs/runFolder.ts";
import type { TrainConfig } from "../training/config.ts";
import { TURNED_IMAGES } from "./eval.ts";
import { positiveInteger } from "./options.ts";

interface QuickstartOptions {
  name: string;
  runs: string;
  resume: boolean;
  overwrite: boolean;
  full: boolean;
  epochs?: number;
  limit?: number;
  testLimit?: number;
}

export function addQuickstart(program: Command): void {
  program
    .command("quickstart")
    .description(
      "Train a small GMR-ResNet and its dense twin on upright MNIST, read the test images at every angle, " +
        "and write a report.",
    )
    .option("--name <name>", "name of the run: its folder is RUNS/NAME", "quickstart")
    .option("--runs <folder>", "folder of all runs", "runs")
    .option("--resume", "go on from the run's checkpoints, which is done anyway where there are some", false)
    .option("--overwrite", "start anew, deleting what the run has trained", false)
    .option("--full", `turn and mirror all test images, not ${TURNED_IMAGES} of them`, false)
    .option("--epochs <count>", "passes over the training images (default: the recipe's)", positiveInteger)
    .option("--limit <count>", "train on the first COUNT images only", positiveInteger)
    .option("--test-limit <count>", "evaluate on COUNT test images only", positiveInteger)
    .action(async (options: QuickstartOptions) => {
      const started = performance.now();
      const run = RunFolder.named(options.runs, options.name);
      const settings = (stored?: TrainConfig): TrainConfig => {
        const base = stored ?? quickstartConfig();
        const networks = base.networks.map((network) => ({
          ...network,
          epochs: options.epochs ?? network.epochs,
        }));
        return { ...base, networks, ...(options.limit === undefined ? {} : { limit: options.limit }) };
      };
      await inRun(run, settings, startOf(options, "continue"), async (config) => {
        const report = await evaluate(
          run,
          config,
          {
            rotationStep: 10,
            flips: true,
            turnedImages: options.full ? Number.POSITIVE_INFINITY : TURNED_IMAGES,
            testLimit: options.testLimit,
          },
          `npm start${options.full ? " -- --full" : ""}`,
          true,
        );
        publish(run, report);
      });
      const seconds = (performance.now() - started) / 1000;
      console.log(`Time: ${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`);
    });
}
