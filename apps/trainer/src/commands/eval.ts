import { type Command, Option } from "commander";
import type { EvaluationConfig } from "../config/schema.ts";
import { evaluateRun, publishReport } from "../pipeline.ts";
import { whileLocked } from "../runs/openRun.ts";
import { RunFolder } from "../runs/runFolder.ts";
import { commandLine } from "./commandLine.ts";
import { positiveInteger, rotationStep } from "./options.ts";

/** So many test images are turned and mirrored, unless all are asked for. */
const TURNED_IMAGES = 2000;

interface EvalFlags {
  rotations?: number;
  flips?: boolean;
  full: boolean;
  limit?: number;
  disc?: boolean;
  fill?: string;
  interpolation?: "nearest" | "linear" | "cubic";
}

interface EvalOptions extends EvalFlags {
  name: string;
  runs: string;
}

/** Adds the options that say how networks are evaluated. */
function addEvalFlags(command: Command): Command {
  return command
    .option(
      "--rotations <degrees>",
      "turn the images by every multiple of this angle, volumes about each axis",
      rotationStep,
    )
    .option("--flips", "mirror the images as well")
    .option("--full", `turn and mirror all test images, not ${TURNED_IMAGES} of them`, false)
    .option("--disc", "only the disc in the images counts, which turns leave whole")
    .option(
      "--fill <rule>",
      'what fills the corners of turned images: a number, "reflect" or "replicate" (default: 0, of images with masks reflect)',
    )
    .addOption(
      new Option("--interpolation <how>", "of turned images").choices(["nearest", "linear", "cubic"]),
    );
}

export function addEval(program: Command): void {
  const command = program
    .command("eval")
    .description(
      "Evaluate the networks of a run on upright, turned and mirrored test images, and write its report.",
    )
    .option("--name <name>", "name of the run", "train")
    .option("--runs <folder>", "folder of all runs", "runs")
    .option("--limit <count>", "evaluate on COUNT test images only", positiveInteger);
  addEvalFlags(command).action(async (options: EvalOptions) => {
    const folder = RunFolder.named(options.runs, options.name);
    const config = await folder.readConfig();
    await whileLocked(folder, async () => {
      const evaluation = evaluationFrom(config.evaluation, options);
      const trained = new TextDecoder().decode((await folder.read("command.txt")) ?? new Uint8Array()).trim();
      const command = [trained, commandLine()].filter((line) => line !== "").join(" && ");
      const report = await evaluateRun({ folder, config }, { evaluation, command });
      publishReport({ folder, config }, report);
    });
  });
}

/** What a configuration says of evaluation, with what options change. */
export function evaluationFrom(given: EvaluationConfig, flags: EvalFlags): EvaluationConfig {
  const { rotations, flips, full, limit, disc, interpolation } = flags;
  const number = Number(flags.fill);
  const fill =
    flags.fill === undefined ? given.fill : Number.isFinite(number) ? number : (flags.fill as "reflect");
  return {
    ...given,
    ...(rotations === undefined ? {} : { rotations }),
    ...(flips === undefined ? {} : { flips }),
    turnedImages: full ? undefined : (given.turnedImages ?? TURNED_IMAGES),
    ...(limit === undefined ? {} : { testLimit: limit }),
    ...(disc === undefined ? {} : { disc }),
    ...(interpolation === undefined ? {} : { interpolation }),
    fill,
  };
}
