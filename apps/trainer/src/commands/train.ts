import type { Command } from "commander";
import { readPreset } from "../config/read.ts";
import { train } from "../pipeline.ts";
import { inRun, startOf } from "../runs/openRun.ts";
import { RunFolder } from "../runs/runFolder.ts";
import { trainingCommands } from "./commandLine.ts";
import { configFrom } from "./trainConfig.ts";
import { addTrainFlags, type TrainFlags } from "./trainOptions.ts";

interface TrainOptions extends TrainFlags {
  name: string;
  runs: string;
  resume: boolean;
  overwrite: boolean;
}

export function addTrain(program: Command): void {
  const command = program
    .command("train")
    .summary("train networks")
    .description(
      "Train networks by a configuration (YAML or JSON; default: the preset mnist), each key of which can be changed " +
        "by an option. Ctrl-C leaves a checkpoint.",
    )
    .argument("[config]", "the configuration")
    .option("--name <name>", "name of the run: its folder is RUNS/NAME", "train")
    .option("--runs <folder>", "folder of all runs", "runs")
    .option(
      "--resume",
      "continue from the run's checkpoints with its settings, optionally for more --epochs",
      false,
    )
    .option("--overwrite", "start over, deleting what the run has trained", false);
  addTrainFlags(command).action(async (file: string | undefined, options: TrainOptions) => {
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
        await train({ folder, config });
      },
    );
    console.log(`\nTrained. Evaluate with: gmr eval --name ${options.name} --rotations 10 --flips`);
  });
}
