import { GmrError, reasonOf } from "@gmr-conv/core";
import { type Communicator, singleProcess } from "@gmr-conv/distributed";
import { writeFileAtomically } from "@gmr-conv/io/node";
import Papa from "papaparse";
import { threadsSetting, useBackend } from "../backend.ts";
import type { BackendChoice } from "../backendNames.ts";
import { checkOutputFile } from "../outputs.ts";
import { type Input, listInputs, maskFiles, readable } from "../predict/inputs.ts";
import { type ClassifyOptions, classify, type Row, type SegmentOptions, segment } from "../predict/rows.ts";
import { openPredictor, type Predictor } from "../predict/source.ts";
import type { RankFlags } from "../ranks/options.ts";
import { threadsOfRank, withRanks } from "../ranks/withRanks.ts";

interface PredictOptions extends ClassifyOptions, SegmentOptions, RankFlags {
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
  const work = (communicator?: Communicator): Promise<void> =>
    predictAll(source, paths, options, communicator);
  await withRanks(options, { first: work, others: work });
}

async function predictAll(
  source: string,
  paths: string[],
  options: PredictOptions,
  communicator: Communicator = singleProcess(),
): Promise<void> {
  if (options.output !== undefined) checkOutputFile(options.output);
  const listed = await listInputs(paths);
  const threads = communicator.size > 1 ? threadsOfRank(communicator, threadsSetting()) : undefined;
  await useBackend(options.backend, { threads });
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
  const rows = await rowsOfAll(communicator, predictor, inputs, options);
  if (!rows) return;
  write(rows, options);
  if (rows.length === 0) throw new GmrError("invalid-data", "none of the files could be read");
  if (rows.length < inputs.length) process.exitCode = 2;
}

/**
 * The predictions for all files, in their order; each rank does every `size`-th. Only rank 0 has them all.
 * @throws GmrError `invalid-argument` if the ranks see different files
 */
async function rowsOfAll(
  communicator: Communicator,
  predictor: Predictor,
  inputs: readonly Input[],
  options: PredictOptions,
): Promise<Row[] | undefined> {
  const { rank, size } = communicator;
  if (size === 1) return (await rowsOf(predictor, inputs, options)).map(({ row }) => row);
  const files = JSON.stringify(inputs.map(({ file }) => file));
  const first = await communicator.broadcast(rank === 0 ? new TextEncoder().encode(files) : undefined);
  if (new TextDecoder().decode(first) !== files) {
    throw new GmrError(
      "invalid-argument",
      `rank ${rank} sees other files than rank 0: all ranks need the same folders`,
    );
  }
  const own = await rowsOf(predictor, inputs, options, rank, size);
  const parts = await communicator.gather(new TextEncoder().encode(JSON.stringify(own)), true);
  return parts
    ?.flatMap((bytes) => JSON.parse(new TextDecoder().decode(bytes)) as typeof own)
    .sort((a, b) => a.at - b.at)
    .map(({ row }) => row);
}

/** The predictions for every `stride`-th file from `first`, with its position, except those skipped as damaged. */
async function rowsOf(
  predictor: Predictor,
  inputs: readonly Input[],
  options: PredictOptions,
  first = 0,
  stride = 1,
): Promise<{ at: number; row: Row }[]> {
  const volumes = predictor.shape.length === 4;
  const masks = predictor.task === "segmentation" ? maskFiles(inputs, volumes, options) : undefined;
  const rows: { at: number; row: Row }[] = [];
  for (let at = first; at < inputs.length; at += stride) {
    const { file } = inputs[at];
    try {
      const row = masks
        ? await segment(predictor, file, masks[at], options, inputs.length)
        : await classify(predictor, file, options);
      rows.push({ at, row });
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
