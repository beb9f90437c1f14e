import { readPreset } from "../config/read.ts";
import { evaluateRun, publishReport, warnWithoutCharts } from "../pipeline.ts";
import { inRun, startOf } from "../runs/openRun.ts";
import { RunFolder } from "../runs/runFolder.ts";
import { commandLine } from "./commandLine.ts";
import { evaluationFrom } from "./eval.ts";
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

export async function quickstart(options: QuickstartOptions): Promise<void> {
  const started = performance.now();
  warnWithoutCharts();
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
      await publishReport({ folder }, report, options.json);
    },
  );
  const seconds = (performance.now() - started) / 1000;
  if (!options.json) console.log(`Time: ${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`);
}

/** The part of the command that trains, for itself. */
function trainingCommand({ name, runs, epochs, limit }: QuickstartOptions): string {
  const given = Object.entries({ "--epochs": epochs, "--limit": limit });
  const options = given.flatMap(([flag, value]) => (value === undefined ? [] : [flag, String(value)]));
  const where = runs === "runs" ? [] : ["--runs", runs];
  return commandLine(["train", "--preset", "mnist", "--name", name, ...where, ...options]);
}
