// Makes public/nuclei from a run of `gmr train --preset nuclei`: node scripts/nuclei.mjs RUN IMAGE MASK
// IMAGE and MASK are the right half of the image, whose left half the run was trained on.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { useWasm } from "@gmr-conv/backend-wasm";
import { decodeImage, decodeMask } from "@gmr-conv/data/node";
import { writeSafetensors } from "@gmr-conv/io";
import { stateDictOf } from "@gmr-conv/io/layers";
import { createModel } from "@gmr-conv/models/registry";
import { loadTrained } from "@gmr-conv/training";
import { FileStorage } from "@gmr-conv/training/node";
import sharp from "sharp";
import { runnerImport } from "vite";

const [run, imageFile, maskFile] = process.argv.slice(2);
const folder = fileURLToPath(new URL("../public/nuclei/", import.meta.url));
mkdirSync(folder, { recursive: true });
const load = async (name) => (await runnerImport(`./src/panels/segment/${name}.ts`)).module;
const { Pair } = await load("pair");
const { SOURCE } = await load("look");
const { measure } = await load("card");
const { makeNetworks, readTensors } = await load("networks");
await useWasm();

// The test images: squares of the image, 8 bits, by the range that `gmr` reads 16-bit images with.
const image = await decodeImage(imageFile, { range: "auto" });
const mask = await decodeMask(maskFile);
const [height, width] = image.shape;
const images = [];
const sources = [];
for (let top = 0; top + SOURCE <= height; top += SOURCE) {
  const names = [`nuclei-${images.length + 1}.png`, `nuclei-${images.length + 1}-mask.png`];
  const values = [
    image.data.map((value) => Math.round(255 * value)),
    mask.data.map((value) => (value > 0 ? 255 : 0)),
  ];
  const squares = [];
  for (const [i, name] of names.entries()) {
    const rows = Uint8Array.from(values[i]).subarray(top * width, (top + SOURCE) * width);
    if (width !== SOURCE) throw new Error(`${imageFile} is ${width} wide, expected ${SOURCE}`);
    await sharp(rows, { raw: { width, height: SOURCE, channels: 1 } })
      .toColourspace("b-w")
      .png({ compressionLevel: 9 })
      .toFile(path.join(folder, name));
    squares.push(rows);
  }
  images.push({ image: names[0], mask: names[1] });
  sources.push({
    pixels: Float32Array.from(squares[0], (v) => v / 255),
    truth: Float32Array.from(squares[1], (v) => v / 255),
  });
}

// The weights, as float16.
const config = JSON.parse(readFileSync(path.join(run, "config.json"), "utf8"));
const networks = {};
const weights = {};
const full = {};
for (const { name, model } of config.networks) {
  const { name: kind, seed: _, ...options } = model;
  networks[name] = { name: kind, options };
  const network = createModel(kind, { ...options, classes: 2, inputShape: config.data.shape });
  await loadTrained(new FileStorage(run), name, network);
  full[name] = writeSafetensors(await stateDictOf(network));
  network.dispose();
  const [long, short] = [`${name}.f32`, `${name}.safetensors`].map((file) => path.join(folder, file));
  writeFileSync(long, full[name]);
  execFileSync(process.execPath, [fileURLToPath(new URL("halve.mjs", import.meta.url)), long, short]);
  rmSync(long);
  weights[name] = new Uint8Array(readFileSync(short));
}

const scoresOf = (files) => {
  const made = makeNetworks({ networks }, readTensors(files));
  return measure(
    sources.map((source) => new Pair(made, source)),
    { gmr: made.gmr.countParams(), dense: made.dense.countParams() },
  );
};
const scores = await scoresOf(weights);
console.log("float32", JSON.stringify(await scoresOf(full)));
console.log("float16", JSON.stringify(scores));
const card = {
  networks,
  command: "gmr train --preset nuclei --networks gmr,dense",
  data: {
    title: "Nuclei in fluorescence microscopy",
    source:
      "Data Science Bowl 2018, BBBC038 (https://bbbc.broadinstitute.org/BBBC038), an image of 512 × 512 pixels that comes with stardist",
    licence: "CC0",
    train: "patches of 64 × 64 pixels of the left half",
    test: "the right half, in two squares",
  },
  images,
  scores,
};
writeFileSync(path.join(folder, "card.json"), `${JSON.stringify(card, undefined, 1)}\n`);
