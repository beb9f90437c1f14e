import type { Command } from "commander";
import { evaluate, publish } from "../pipeline.ts";
import { whileLocked } from "../runs/openRun.ts";
import { RunFolder } from "../runs/runFolder.ts";
import { positiveInteger, rotationStep } from "./options.ts";

/** So many test images are turned and mirrored, unless all are asked for. */
export const TURNED_IMAGES = 2000;

interface EvalOptions {
  name: string;
  runs: string;
  rotations?: number;
  flips: boolean;
  full: boolean;
  limit?: number;
}

export function addEval(program: Command): void {
  program
    .command("eval")
    .description(
      "Evaluate the networks of a run on upright, turned and mirrored test images, and write its report.",
    )
    .option("--name <name>", "name of the run", "train")
    .option("--runs <folder>", "folder of all runs", "runs")
    .option("--rotations <degrees>", "turn the images by every multiple of this angle", rotationStep)
    .option("--flips", "mirror the images as well", false)
    .option("--full", `turn and mirror all test images, not ${TURNED_IMAGES} of them`, false)
    .option("--limit <count>", "evaluate on COUNT test images only", positiveInteger)
    .action(async (options: EvalOptions) => {
      const run = RunFolder.named(options.runs, options.name);
      const config = await run.readConfig();
      await whileLocked(run, async () => {
        const turned = options.rotations === undefined ? "" : ` --rotations ${options.rotations}`;
        const report = await evaluate(
          run,
          config,
          {
            rotationStep: options.rotations,
            flips: options.flips,
            turnedImages: options.full ? Number.POSITIVE_INFINITY : TURNED_IMAGES,
            testLimit: options.limit,
          },
          `gmr eval --name ${options.name}${turned}${options.flips ? " --flips" : ""}${options.full ? " --full" : ""}`,
        );
        publish(run, report);
      });
    });
}
