import { mkdirSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { codeOf, GmrError, reasonOf } from "@gmr-conv/core";
import { decodeImage, imageInfo, isImageFile, isNifti } from "@gmr-conv/data/node";
import { writeFileAtomically } from "@gmr-conv/io/node";
import { predict, type TestTimeViews } from "@gmr-conv/training";
import { type Command, Option } from "commander";
import Papa from "papaparse";
import { BACKENDS, type BackendChoice, useBackend } from "../backend.ts";
import { openPredictor, type Predictor } from "../predict/source.ts";
import { segmentFile } from "../predict/tiles.ts";
import { classifyVolume, isMesh, segmentVolume } from "../predict/volumes.ts";
import { nonNegativeInteger, positiveInteger } from "./options.ts";

interface PredictFlags {
  network?: string;
  output?: string;
  format: "csv" | "json";
  top: number;
  views: TestTimeViews;
  resize?: "crop" | "stretch" | "pad";
  tile?: number;
  overlap?: number;
  masks: string;
  maskFormat: "png" | "tiff";
  skipDamaged: boolean;
  backend: BackendChoice;
}

/** Side of tiles: larger than what networks are usually trained on, since more of a larger tile is its middle. */
const USUAL_TILE = 256;
const USUAL_BOX = 64;

/** What is said of a file. */
type Row = Record<string, string | number>;

export function addPredict(program: Command): void {
  program
    .command("predict")
    .description(
      "Classify or segment images, or volumes (NIfTI, TIFF of several pages, OFF meshes). SOURCE: the folder of a run, or the " +
        "name of a pretrained network. INPUTS: files and folders. Segmentation writes a mask for each, large ones by tiles.",
    )
    .argument("<source>", "the network")
    .argument("<inputs...>", "files, and folders of them")
    .option("--network <name>", "which network of a run (default: the first)")
    .option(
      "--output <file>",
      "write the table there instead of printing it; .json or .csv decides the format",
    )
    .addOption(new Option("--format <name>", "of what is printed").choices(["csv", "json"]).default("csv"))
    .option("--top <count>", "list the COUNT most probable classes", positiveInteger, 1)
    .addOption(
      new Option("--views <which>", "average over mirror images, or all turns by 90° and mirror images")
        .choices(["none", "flips", "all"])
        .default("none"),
    )
    .addOption(
      new Option(
        "--resize <rule>",
        "what becomes of images of another size, of classification (default: as in training)",
      ).choices(["crop", "stretch", "pad"]),
    )
    .option(
      "--tile <pixels>",
      "largest side of the tiles (default: 256, of volumes 64, or what the network was trained on)",
      positiveInteger,
    )
    .option(
      "--overlap <pixels>",
      "what neighbouring tiles share (default: a quarter of what the network was trained on)",
      nonNegativeInteger,
    )
    .option("--masks <folder>", "where masks are written", "masks")
    .addOption(
      new Option("--mask-format <name>", "of masks of images; those of volumes are as these are")
        .choices(["png", "tiff"])
        .default("png"),
    )
    .option(
      "--skip-damaged",
      "go on with the other files where one cannot be read, and end with code 2",
      false,
    )
    .addOption(new Option("--backend <name>", "where to compute").choices(BACKENDS).default("wasm"))
    .addHelpText(
      "after",
      "\nExit codes: 0 all files were read; 1 nothing was done; 2 some files were left out.",
    )
    .action(async (source: string, inputs: string[], flags: PredictFlags) => {
      const listed = (await Promise.all(inputs.map(filesIn))).flat();
      await useBackend(flags.backend);
      const predictor = await openPredictor(source, flags.network);
      const volumes = predictor.shape.length === 4;
      if (volumes && flags.views !== "none") {
        throw new GmrError("unsupported", `${source} is for volumes: --views ${flags.views} is for images`);
      }
      const wanted = volumes ? isVolumeFile : isImageFile;
      const files = listed.filter(({ file, named }) => named || wanted(file));
      if (files.length === 0) {
        throw new GmrError("invalid-argument", `no ${volumes ? "volume" : "image"} in ${inputs.join(", ")}`);
      }
      const rows: Row[] = [];
      let left = 0;
      const segments = predictor.task === "segmentation";
      const masks = segments ? masksOf(files, volumes, flags) : [];
      for (const [i, { file }] of files.entries()) {
        try {
          rows.push(
            segments
              ? await segment(predictor, file, masks[i], flags, files.length)
              : await classify(predictor, file, flags),
          );
        } catch (error) {
          if (!flags.skipDamaged) throw error;
          left++;
          console.error(`left out: ${reasonOf(error)}`);
        }
      }
      write(rows, flags);
      if (left === files.length) throw new GmrError("invalid-data", "none of the files could be read");
      if (left > 0) process.exitCode = 2;
    });
}

/** A file, and what it is called among those of its folder. */
interface Input {
  file: string;
  name: string;
  /** Whether the file itself was named, not its folder. */
  named: boolean;
}

const isVolumeFile = (file: string): boolean => isNifti(file) || isMesh(file) || isImageFile(file);

/** A file, or all files of a folder. @throws GmrError `io` */
async function filesIn(input: string): Promise<Input[]> {
  try {
    if (!(await stat(input)).isDirectory()) return [{ file: input, name: path.basename(input), named: true }];
    const names = await readdir(input, { recursive: true });
    return names.sort().map((name) => ({ file: path.join(input, name), name, named: false }));
  } catch (error) {
    throw new GmrError(
      "io",
      `${input}: ${codeOf(error) === "ENOENT" ? "no such file or folder" : reasonOf(error)}`,
    );
  }
}

async function classify(
  predictor: Predictor,
  file: string,
  { top, views, resize }: PredictFlags,
): Promise<Row> {
  const { classNames } = predictor;
  const p =
    predictor.shape.length === 4
      ? await classifyVolume(file, predictor)
      : await classifyImage(file, predictor, resize, views);
  const ranked = Array.from(p.keys()).sort((a, b) => p[b] - p[a]);
  const row: Row = { file };
  ranked.slice(0, top).forEach((k, i) => {
    const suffix = i === 0 ? "" : String(i + 1);
    row[`class${suffix}`] = classNames[k];
    row[`probability${suffix}`] = Number(p[k].toPrecision(6));
  });
  return row;
}

async function classifyImage(
  file: string,
  { model, shape, normalization, reading }: Predictor,
  resize: PredictFlags["resize"],
  views: TestTimeViews,
): Promise<Float32Array> {
  const [height, width, channels] = shape;
  const { data } = await decodeImage(file, {
    ...reading,
    size: [height, width],
    resize: resize ?? reading.resize,
    channels: channels as 1 | 3,
  });
  const pixels = data instanceof Uint8Array ? Float32Array.from(data, (byte) => byte / 255) : data;
  return predict(model, pixels, shape, { normalization, views });
}

/** Where the mask of each file goes: as its image lies in its folder. @throws GmrError `invalid-argument` where two would meet */
function masksOf(files: readonly Input[], volumes: boolean, { masks, maskFormat }: PredictFlags): string[] {
  const seen = new Map<string, string>();
  return files.map(({ file, name }) => {
    const [, stem, nifti] = /^(.*?)(\.nii(?:\.gz)?|\.[^./\\]*)?$/i.exec(name) as RegExpExecArray;
    const ending = isNifti(file) ? nifti : volumes ? ".tiff" : `.${maskFormat}`;
    const mask = path.join(masks, `${stem}${ending}`);
    const other = seen.get(mask);
    if (other !== undefined) {
      throw new GmrError("invalid-argument", `the masks of ${other} and ${file} would both be ${mask}`);
    }
    seen.set(mask, file);
    return mask;
  });
}

async function segment(
  predictor: Predictor,
  file: string,
  mask: string,
  flags: PredictFlags,
  total: number,
): Promise<Row> {
  const { shape, classNames } = predictor;
  const sizes = shape.slice(0, -1);
  const overlap = flags.overlap ?? Math.floor(Math.min(...sizes) / 4);
  const tile = flags.tile ?? Math.max(sizes.length === 3 ? USUAL_BOX : USUAL_TILE, ...sizes);
  mkdirSync(path.dirname(mask), { recursive: true });
  const live = process.stderr.isTTY === true;
  const onProgress = (done: number, tiles: number): void => {
    if (live && (tiles > 8 || total === 1)) process.stderr.write(`\r${file}: ${done} of ${tiles} tiles`);
  };
  const counts =
    sizes.length === 3
      ? await segmentVolume(predictor, file, mask, { tile, overlap, onProgress })
      : await segmentFile(predictor, file, await imageInfo(file), mask, {
          tile,
          overlap,
          views: flags.views,
          onProgress,
        });
  if (live) process.stderr.write("\n");
  const pixels = counts.reduce((a, b) => a + b, 0);
  return {
    file,
    mask,
    ...Object.fromEntries(classNames.map((name, k) => [name, Number((counts[k] / pixels).toPrecision(6))])),
  };
}

function write(rows: Row[], { output, format }: PredictFlags): void {
  const kind = output && /\.json$/i.test(output) ? "json" : output && /\.csv$/i.test(output) ? "csv" : format;
  const text = kind === "json" ? `${JSON.stringify(rows, undefined, 2)}\n` : `${Papa.unparse(rows)}\n`;
  if (output === undefined) process.stdout.write(text);
  else writeFileAtomically(output, text);
}
