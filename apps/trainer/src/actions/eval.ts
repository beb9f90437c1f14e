import type { Communicator } from "@gmr-conv/distributed";
import { TURNED_IMAGES } from "../commands/options.ts";
import type { EvaluationConfig } from "../config/schema.ts";
import { evaluateRun, publishReport, warnWithoutCharts } from "../pipeline.ts";
import type { RankFlags } from "../ranks/options.ts";
import { endTogether, serveTasks } from "../ranks/together.ts";
import { withRanks } from "../ranks/withRanks.ts";
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

interface EvalOptions extends EvalFlags, RankFlags {
  name: string;
  runs: string;
  json: boolean;
}

export async function evaluate(options: EvalOptions): Promise<void> {
  await withRanks(options, {
    async first(communicator) {
      await evaluateHere(options, communicator);
      await endTogether(communicator);
    },
    others: serveTasks,
  });
}

async function evaluateHere(options: EvalOptions, communicator: Communicator | undefined): Promise<void> {
  const folder = RunFolder.named(options.runs, options.name);
  const config = await folder.readConfig();
  warnWithoutCharts();
  await whileLocked(folder, async () => {
    const evaluation = evaluationFrom(config.evaluation, options);
    const trained = await folder.trainingCommands();
    const report = await evaluateRun(
      { folder, config, communicator },
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
