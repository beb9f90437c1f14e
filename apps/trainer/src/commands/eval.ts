import { type Command, Option } from "commander";
import { addRankFlags } from "../ranks/options.ts";
import { lazy } from "./lazy.ts";
import { JSON_REPORT, positiveInteger, rotationStep, TURNED_IMAGES } from "./options.ts";

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
  addRankFlags(addEvalFlags(command))
    .option("--json", JSON_REPORT, false)
    .action(lazy(async () => (await import("../actions/eval.ts")).evaluate));
}
