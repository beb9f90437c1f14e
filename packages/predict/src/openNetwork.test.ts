import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { useWasm } from "@gmr-conv/backend-wasm";
import { createModel } from "@gmr-conv/models/registry";
import { foldModel } from "@gmr-conv/tfjs";
import type { NetworkDescription } from "@gmr-conv/web/description";
import * as tf from "@tensorflow/tfjs";
import sharp from "sharp";
import { afterAll, beforeAll, expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { expectStrict } from "../../../tooling/testing/expectStrict.ts";
import { openClassifier, openSegmenter, writeNetworkFolder } from "./index.ts";

const root = mkdtempSync(path.join(os.tmpdir(), "gmr-predict-"));
const at = (...names: string[]): string => path.join(root, ...names);
afterAll(() => rmSync(root, { recursive: true, force: true }));

const small = { seed: 1, depths: [1], widths: [8], strides: [1], kernelSizes: [5] };
const classes: Omit<NetworkDescription, "weights"> = {
  format: "gmr-conv network",
  version: 1,
  task: "classification",
  network: { name: "gmr-resnet18", options: { ...small, inputShape: [12, 10, 3], classes: 3 } },
  shape: [12, 10, 3],
  classNames: ["a", "b", "c"],
  normalization: { mean: [0.4, 0.5, 0.6], std: [0.2, 0.3, 0.4] },
  reading: { resize: "stretch" },
  card: { title: "three" },
};
const unet = { seed: 2, levels: 1, features: [4, 8, 4], kernelSizes: [3, 3], classes: 2 };
const masks: Omit<NetworkDescription, "weights"> = {
  ...classes,
  task: "segmentation",
  network: { name: "gmr-unet", options: { ...unet, inputShape: [null, null, 1] } },
  shape: [16, 16, 1],
  classNames: ["background", "object"],
  normalization: null,
  reading: {},
};

/** Pixels [height, width, channels] that repeat nowhere soon. */
const pixelsOf = (height: number, width: number, channels: number): Uint8Array =>
  Uint8Array.from({ length: height * width * channels }, (_, i) => (i * i + 31 * i) % 251);

const build = ({ network }: typeof classes): tf.LayersModel =>
  createModel(network?.name as "gmr-resnet18", network?.options as never);

let expectedShares: number[];

beforeAll(async () => {
  await useWasm({ threads: 1 });
  const model = build(classes);
  await writeNetworkFolder(at("classes"), model, classes);
  const { network: _, ...stock } = classes;
  const folded = foldModel(model);
  await writeNetworkFolder(at("folded"), folded, stock);
  folded.dispose();
  const image = Float32Array.from(pixelsOf(12, 10, 3), (byte, i) => {
    const { mean, std } = classes.normalization as { mean: number[]; std: number[] };
    return (byte / 255 - mean[i % 3]) / std[i % 3];
  });
  const p = tf.tidy(() => tf.softmax(model.apply(tf.tensor(image, [1, 12, 10, 3])) as tf.Tensor));
  expectedShares = Array.from(await p.data());
  p.dispose();
  model.dispose();
  const segments = build(masks);
  await writeNetworkFolder(at("masks"), segments, masks);
  segments.dispose();
  await sharp(pixelsOf(12, 10, 3), { raw: { width: 10, height: 12, channels: 3 } }).toFile(at("image.png"));
});

it("gives the probabilities of the network, however the image comes, and frees everything", async () => {
  const before = tf.memory().numTensors;
  const network = await openClassifier(at("classes"));
  const file = at("image.png");
  const pixels = { data: pixelsOf(12, 10, 3), width: 10, height: 12, channels: 3 } as const;
  const answers = [];
  for (const image of [file, pathToFileURL(file), readFileSync(file), pixels]) {
    answers.push(await network.predict(image));
  }
  const expected = classes.classNames.map((name, k) => ({ name, probability: expectedShares[k] }));
  expected.sort((a, b) => b.probability - a.probability);
  for (const answer of answers) {
    expect(answer.classes.map(({ name }) => name)).toEqual(expected.map(({ name }) => name));
    answer.classes.forEach(({ probability }, i) => {
      expect(Math.abs(probability - expected[i].probability)).toBeLessThan(1e-6);
    });
  }
  const turned = await sharp(file).rotate(180).toBuffer();
  const [one, other] = [await network.predict(file, { views: "all" }), await network.predict(turned)];
  expect(other.classes[0].probability).toBeCloseTo(one.classes[0].probability, 5);
  network.dispose();
  expect(tf.memory().numTensors).toBe(before);
});

it("reads folded networks, of stock layers, to the same numbers", async () => {
  const [own, folded] = [await openClassifier(at("classes")), await openClassifier(at("folded"))];
  expect(folded.description.network).toBeUndefined();
  const [a, b] = [await own.predict(at("image.png")), await folded.predict(at("image.png"))];
  a.classes.forEach(({ probability }, i) => {
    expect(Math.abs(probability - b.classes[i].probability)).toBeLessThan(1e-5);
  });
  for (const network of [own, folded]) network.dispose();
});

it("segments images of any size, by tiles if they are large", async () => {
  const network = await openSegmenter(at("masks"));
  const before = tf.memory().numTensors;
  const data = pixelsOf(70, 53, 1);
  const image = { data, width: 53, height: 70, channels: 1 } as const;
  const whole = await network.predict(image, { overlap: 8 });
  expect([whole.width, whole.height, whole.mask.length]).toEqual([53, 70, 70 * 53]);
  expect(whole.pixels).toEqual([0, 1].map((label) => whole.mask.filter((value) => value === label).length));
  const tiles: number[][] = [];
  const options = { tile: 40, overlap: 12, onTile: (...done: [number, number]) => void tiles.push(done) };
  const tiled = await network.predict(image, options);
  expect(tiles).toEqual(Array.from({ length: 20 }, (_, i) => [i + 1, 20]));
  // The statistics of instance norms differ from tile to tile; what is clear stays.
  const same = tiled.mask.filter((value, i) => value === whole.mask[i]).length;
  expect(same / tiled.mask.length).toBeGreaterThan(0.9);
  // 16 bits, by the percentiles of the whole image
  const deep = { ...image, data: Uint16Array.from(data, (value) => 1000 + 40 * value) };
  expect((await network.predict(deep)).mask).toHaveLength(whole.mask.length);
  expect(tf.memory().numTensors).toBe(before);
  network.dispose();
});

it("says what is wrong with folders, images and options", async () => {
  const missing = at("nowhere");
  await expectGmrError(() => openClassifier(missing), "io", RegExp(`^cannot read ${missing}.*network.json`));
  const other = `the network in ${at("masks")} is for segmentation: open it with openSegmenter`;
  await expectGmrError(() => openClassifier(at("masks")), "unsupported", other);
  await writeNetworkFolder(at("cut"), build(masks), masks);
  truncateSync(at("cut", "weights.safetensors"), 4000);
  await expectGmrError(() => openSegmenter(at("cut")), "invalid-data", /cut.weights.safetensors/);
  const foreign = JSON.parse(readFileSync(at("masks", "network.json"), "utf8"));
  foreign.network.options.features = [4, 6, 4];
  writeFileSync(at("cut", "network.json"), JSON.stringify(foreign));
  writeFileSync(at("cut", "weights.safetensors"), readFileSync(at("masks", "weights.safetensors")));
  await expectGmrError(
    () => openSegmenter(at("cut")),
    "invalid-shape",
    /^.*cut.weights.safetensors: tensor /,
  );
  const network = await openClassifier(at("classes"));
  writeFileSync(at("text.png"), "no image");
  await expectGmrError(() => network.predict(at("text.png")), "invalid-data", /text.png: not an image/);
  await expectGmrError(() => network.predict(7 as never), "invalid-argument", /^an image must be .* got 7$/);
  await expectStrict((options) => network.predict(at("image.png"), options), "views");
  network.dispose();
});
