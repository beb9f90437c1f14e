import type { Communicator } from "@gmr-conv/distributed";
import type { TrainFlags } from "../commands/trainOptions.ts";
import { readPreset } from "../config/read.ts";
import { train as trainRun } from "../pipeline.ts";
import type { RankFlags } from "../ranks/options.ts";
import { endTogether, serveTasks } from "../ranks/together.ts";
import { withRanks } from "../ranks/withRanks.ts";
import { inRun, startOf } from "../runs/openRun.ts";
import { RunFolder } from "../runs/runFolder.ts";
import { commandLine, trainingCommands } from "./commandLine.ts";
import { configFrom } from "./trainConfig.ts";

interface TrainOptions extends TrainFlags, RankFlags {
  name: string;
  runs: string;
  resume: boolean;
  overwrite: boolean;
}

export async function train(file: string | undefined, options: TrainOptions): Promise<void> {
  await withRanks(options, {
    async first(communicator) {
      await trainHere(file, options, communicator);
      await endTogether(communicator);
    },
    others: serveTasks,
  });
}

async function trainHere(
  file: string | undefined,
  options: TrainOptions,
  communicator: Communicator | undefined,
): Promise<void> {
  const folder = RunFolder.named(options.runs, options.name);
  const base = options.dataset ? {} : readPreset("mnist");
  await inRun(
    folder,
    (stored) => configFrom(options, file, base, stored),
    startOf(options, "new"),
    async ({ config, data }) => {
      for (const { reason } of data.damaged) console.error(`left out: ${reason}`);
      if (data.damaged.length > 0) console.error(`${data.damaged.length} image(s) left out`);
      folder.write("command.txt", `${trainingCommands(await folder.trainingCommands())}\n`);
      await trainRun({ folder, config, communicator });
    },
  );
  const where = options.runs === "runs" ? [] : ["--runs", options.runs];
  const evaluation = commandLine(["eval", "--name", options.name, ...where, "--rotations", "10", "--flips"]);
  console.log(`\nTrained. Evaluate with: ${evaluation}`);
}
