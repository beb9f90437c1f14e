import { GmrError, reasonOf } from "@gmr-conv/core";
import { writeFileAtomically } from "@gmr-conv/io/node";
import { type Command, Option } from "commander";
import Papa from "papaparse";
import { BACKENDS, type BackendChoice, useBackend } from "../backend.ts";
import { checkOutputFile } from "../outputs.ts";
import { type Input, listInputs, maskFiles, readable } from "../predict/inputs.ts";
import { type ClassifyOptions, classify, type Row, type SegmentOptions, segment } from "../predict/rows.ts";
import { openPredictor, type Predictor } from "../predict/source.ts";
import { nonNegativeInteger, positiveInteger } from "./options.ts";

interface PredictOptions extends ClassifyOptions, SegmentOptions {
  network?: string;
  output?: string;
  format: "csv" | "json";
  json?: boolean;
  masks: string;
  maskFormat: "png" | "tiff";
  skipDamaged: boolean;
  backend: BackendChoice;
}

export function addPredict(program: Command): void {
  program
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
    .addOption(new Option("--backend <name>", "where to compute").choices(BACKENDS).default("wasm"))
    .addHelpText(
      "after",
      "\nExit codes: 0 all files were read; 1 nothing was done; 2 some files were left out.",
    )
    .action(predict);
}

async function predict(source: string, paths: string[], options: PredictOptions): Promise<void> {
  if (options.output !== undefined) checkOutputFile(options.output);
  const listed = await listInputs(paths);
  await useBackend(options.backend);
  const predictor = await openPredictor(source, options.network, (text) => console.error(text));
  const volumes = predictor.shape.length === 4;
  if (volumes && options.views !== "none") {
    throw new GmrError("unsupported", `${source} is for volumes: --views ${options.views} is for images`);
  }
  const inputs = readable(listed, volumes);
  if (inputs.length === 0) {
    throw new GmrError(
      "invalid-argument",
      `no ${volumes ? "volume" : "image"} in ${paths.join(", ")}, expected ` +
        (volumes ? "NIfTI, multi-page TIFF or OFF files" : "PNG, JPEG, TIFF or WebP files"),
    );
  }
  const rows = await rowsOf(predictor, inputs, options);
  write(rows, options);
  if (rows.length === 0) throw new GmrError("invalid-data", "none of the files could be read");
  if (rows.length < inputs.length) process.exitCode = 2;
}

/** The predictions for all files, except those that are skipped as damaged. */
async function rowsOf(
  predictor: Predictor,
  inputs: readonly Input[],
  options: PredictOptions,
): Promise<Row[]> {
  const volumes = predictor.shape.length === 4;
  const masks = predictor.task === "segmentation" ? maskFiles(inputs, volumes, options) : undefined;
  const rows: Row[] = [];
  for (const [i, { file }] of inputs.entries()) {
    try {
      rows.push(
        masks
          ? await segment(predictor, file, masks[i], options, inputs.length)
          : await classify(predictor, file, options),
      );
    } catch (error) {
      if (!options.skipDamaged) throw error;
      console.error(`left out: ${reasonOf(error)}`);
    }
  }
  return rows;
}

function write(rows: Row[], { output, format, json }: PredictOptions): void {
  const asked = json ? "json" : format;
  const kind = output && /\.json$/i.test(output) ? "json" : output && /\.csv$/i.test(output) ? "csv" : asked;
  const text = kind === "json" ? `${JSON.stringify(rows, undefined, 2)}\n` : `${Papa.unparse(rows)}\n`;
  if (output === undefined) process.stdout.write(text);
  else writeFileAtomically(output, text);
}
