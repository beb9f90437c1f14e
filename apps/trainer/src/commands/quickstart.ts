import type { Command } from "commander";
import { readPreset } from "../config/read.ts";
import { evaluateRun, publishReport } from "../pipeline.ts";
import { inRun, startOf } from "../runs/openRun.ts";
import { RunFolder } from "../runs/runFolder.ts";
import { commandLine } from "./commandLine.ts";
import { evaluationFrom, TURNED_IMAGES } from "./eval.ts";
import { JSON_REPORT, positiveInteger } from "./options.ts";
import { configFrom } from "./trainConfig.ts";

interface QuickstartOptions {
  name: string;
  runs: string;
  resume: boolean;
  overwrite: boolean;
  full: boolean;
  epochs?: number;
  limit?: number;
  testLimit?: number;
  json: boolean;
}

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
    .action(async (options: QuickstartOptions) => {
      const started = performance.now();
      const folder = RunFolder.named(options.runs, options.name);
      const { epochs, limit } = options;
      const base = readPreset("mnist");
      const flags = {
        set: [],
        ...(epochs === undefined ? {} : { epochs }),
        ...(limit === undefined ? {} : { limit }),
      };
      await inRun(
        folder,
        (stored) => configFrom(flags, undefined, base, stored),
        startOf(options, "continue"),
        async ({ config }) => {
          folder.write("command.txt", `${trainingCommand(options)}\n`);
          const flags = {
            full: options.full,
            ...(options.testLimit === undefined ? {} : { testLimit: options.testLimit }),
          };
          const report = await evaluateRun(
            { folder, config },
            {
              evaluation: evaluationFrom(config.evaluation, flags),
              trainingCommand: trainingCommand(options),
              reportCommand: commandLine(),
              trainFirst: true,
            },
          );
          publishReport({ folder }, report, options.json);
        },
      );
      const seconds = (performance.now() - started) / 1000;
      if (!options.json) console.log(`Time: ${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`);
    });
}

/** The part of the command that trains, for itself. */
function trainingCommand({ name, runs, epochs, limit }: QuickstartOptions): string {
  const given = Object.entries({ "--epochs": epochs, "--limit": limit });
  const options = given.flatMap(([flag, value]) => (value === undefined ? [] : [flag, String(value)]));
  const where = runs === "runs" ? [] : ["--runs", runs];
  return commandLine(["train", "--preset", "mnist", "--name", name, ...where, ...options]);
}
