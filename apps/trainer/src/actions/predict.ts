import { GmrError, reasonOf } from "@gmr-conv/core";
import { writeFileAtomically } from "@gmr-conv/io/node";
import Papa from "papaparse";
import { useBackend } from "../backend.ts";
import type { BackendChoice } from "../backendNames.ts";
import { checkOutputFile } from "../outputs.ts";
import { type Input, listInputs, maskFiles, readable } from "../predict/inputs.ts";
import { type ClassifyOptions, classify, type Row, type SegmentOptions, segment } from "../predict/rows.ts";
import { openPredictor, type Predictor } from "../predict/source.ts";

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

export async function predict(source: string, paths: string[], options: PredictOptions): Promise<void> {
  if (options.output !== undefined) checkOutputFile(options.output);
  const listed = await listInputs(paths);
  await useBackend(options.backend);
  const predictor = await openPredictor(source, options.network);
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
