import { type Command, Option } from "commander";
import type { EvaluationConfig } from "../config/schema.ts";
import { evaluateRun, publishReport } from "../pipeline.ts";
import { whileLocked } from "../runs/openRun.ts";
import { RunFolder } from "../runs/runFolder.ts";
import { commandLine } from "./commandLine.ts";
import { JSON_REPORT, positiveInteger, rotationStep } from "./options.ts";

/** Number of test images to turn and mirror, unless all are requested. */
export const TURNED_IMAGES = 2000;

interface EvalFlags {
  rotations?: number;
  flips?: boolean;
  full: boolean;
  testLimit?: number;
  disc?: boolean;
  fill?: string;
  interpolation?: "nearest" | "linear" | "cubic";
}

interface EvalOptions extends EvalFlags {
  name: string;
  runs: string;
  json: boolean;
}

/** Adds the options of an evaluation. */
function addEvalFlags(command: Command): Command {
  return command
    .option(
      "--rotations <degrees>",
      "turn the images by every multiple of this angle, volumes about each axis",
      rotationStep,
    )
    .option("--flips", "mirror the images as well")
    .option("--full", `turn and mirror all test images, not just ${TURNED_IMAGES}`, false)
    .option("--disc", "evaluate only the disc inscribed in the images, which turns do not cut")
    .option(
      "--fill <rule>",
      'what fills the corners of turned images: a number, "reflect" or "replicate" (default: 0, with masks reflect)',
    )
    .addOption(
      new Option("--interpolation <how>", "of turned images").choices(["nearest", "linear", "cubic"]),
    );
}

export function addEval(program: Command): void {
  const command = program
    .command("eval")
    .summary("evaluate the networks of a run and write its report")
    .description(
      "Evaluate the networks of a run on upright, turned and mirrored test images, and write its report.",
    )
    .option("--name <name>", "name of the run", "train")
    .option("--runs <folder>", "folder of all runs", "runs")
    .option("--test-limit <count>", "evaluate on COUNT test images", positiveInteger);
  addEvalFlags(command)
    .option("--json", JSON_REPORT, false)
    .action(async (options: EvalOptions) => {
      const folder = RunFolder.named(options.runs, options.name);
      const config = await folder.readConfig();
      await whileLocked(folder, async () => {
        const evaluation = evaluationFrom(config.evaluation, options);
        const trained = await folder.trainingCommands();
        const report = await evaluateRun(
          { folder, config },
          { evaluation, trainingCommand: trained.replaceAll("\n", " && "), reportCommand: commandLine() },
        );
        publishReport({ folder }, report, options.json);
      });
    });
}

/** The evaluation settings of a configuration, as changed by options. */
export function evaluationFrom(given: EvaluationConfig, flags: EvalFlags): EvaluationConfig {
  const { rotations, flips, full, testLimit, disc, interpolation } = flags;
  const number = Number(flags.fill);
  const fill =
    flags.fill === undefined ? given.fill : Number.isFinite(number) ? number : (flags.fill as "reflect");
  return {
    ...given,
    ...(rotations === undefined ? {} : { rotations }),
    ...(flips === undefined ? {} : { flips }),
    turnedImages: full ? undefined : (given.turnedImages ?? TURNED_IMAGES),
    ...(testLimit === undefined ? {} : { testLimit }),
    ...(disc === undefined ? {} : { disc }),
    ...(interpolation === undefined ? {} : { interpolation }),
    fill,
  };
}
