import { type Command, Option } from "commander";
import { BACKENDS } from "../backendNames.ts";
import { addRankFlags } from "../ranks/options.ts";
import { lazy } from "./lazy.ts";
import { nonNegativeInteger, positiveInteger } from "./options.ts";

export function addPredict(program: Command): void {
  const command = program
    .command("predict")
    .summary("classify or segment images and volumes")
    .description(
      "Classify or segment images or volumes (NIfTI, multi-page TIFF, OFF meshes). SOURCE: the folder of a run, or " +
        "the name of a pretrained network. INPUTS: files and folders. Segmentation writes a mask for each, tile by " +
        "tile for large ones.",
    )
    .argument("<source>", "the network")
    .argument("<inputs...>", "files and folders")
    .option("--network <name>", "which network of a run (default: the first)")
    .option("--output <file>", "write the table to a file; .json or .csv decides the format")
    .addOption(new Option("--format <name>", "of what is printed").choices(["csv", "json"]).default("csv"))
    .option("--json", "the same as --format json")
    .option("--top <count>", "list the COUNT most probable classes", positiveInteger, 1)
    .addOption(
      new Option("--views <which>", "average over mirror images, or all turns by 90° and mirror images")
        .choices(["none", "flips", "all"])
        .default("none"),
    )
    .addOption(
      new Option(
        "--resize <rule>",
        "classification: how images of another size are fitted (default: as in training)",
      ).choices(["crop", "stretch", "pad"]),
    )
    .option(
      "--tile <pixels>",
      "largest side of the tiles (default: 256, for volumes 64, or the training size)",
      positiveInteger,
    )
    .option(
      "--overlap <pixels>",
      "margin that neighbouring tiles share (default: a quarter of the training size)",
      nonNegativeInteger,
    )
    .option("--masks <folder>", "where to write masks", "masks")
    .addOption(
      new Option("--mask-format <name>", "of masks of images; those of volumes are in the volume's format")
        .choices(["png", "tiff"])
        .default("png"),
    )
    .option("--skip-damaged", "skip files that cannot be read, and exit with code 2", false)
    .addOption(new Option("--backend <name>", "where to compute").choices(BACKENDS).default("wasm"));
  addRankFlags(command)
    .addHelpText(
      "after",
      "\nExit codes: 0 all files were read; 1 nothing was done; 2 some files were left out.",
    )
    .action(lazy(async () => (await import("../actions/predict.ts")).predict));
}
