import { TURNED_IMAGES } from "../commands/options.ts";
import type { EvaluationConfig } from "../config/schema.ts";
import { evaluateRun, publishReport, warnWithoutCharts } from "../pipeline.ts";
import { whileLocked } from "../runs/openRun.ts";
import { RunFolder } from "../runs/runFolder.ts";
import { commandLine } from "./commandLine.ts";

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

export async function evaluate(options: EvalOptions): Promise<void> {
  const folder = RunFolder.named(options.runs, options.name);
  const config = await folder.readConfig();
  warnWithoutCharts();
  await whileLocked(folder, async () => {
    const evaluation = evaluationFrom(config.evaluation, options);
    const trained = await folder.trainingCommands();
    const report = await evaluateRun(
      { folder, config },
      { evaluation, trainingCommand: trained.replaceAll("\n", " && "), reportCommand: commandLine() },
    );
    await publishReport({ folder }, report, options.json);
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
