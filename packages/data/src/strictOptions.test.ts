import { describe, it } from "vitest";
import { expectStrict, type StrictCase } from "../../../tooling/testing/expectStrict.ts";
import {
  affineImages,
  augmenter,
  BatchStream,
  datasetOf,
  mnistFromIdx,
  normalize,
  padImages,
  rotateImages,
  splitDataset,
  voxelize,
  warpImages,
  warpLabels,
} from "./index.ts";
import {
  checkDatasetSpec,
  decodeImage,
  decodeRegion,
  loadDataset,
  loadMnist,
  verifyDataset,
} from "./node.ts";

const shape = [1, 2, 1];
const pixels = Float32Array.of(0, 1);
const set = {
  name: "pair",
  images: pixels,
  labels: Int32Array.of(0, 1),
  shape: [1, 1, 1],
  count: 2,
  classNames: ["a", "b"],
} as const;
const stay = () => ({ matrix: [1, 0, 0, 1], offset: [0, 0] });
const mesh = { vertices: new Float64Array(9), triangles: new Uint32Array(3) };
const bytes = new Uint8Array(8);
const region = { left: 0, top: 0, width: 1, height: 1 };
const normalization = { mean: [0], std: [1] };

const CASES: readonly StrictCase[] = [
  ["affineImages", (options) => affineImages(pixels, shape, {}, options), "interpolation"],
  ["the moves of affineImages", (moves) => affineImages(pixels, shape, moves), "degrees"],
  ["warpImages", (options) => warpImages(pixels, shape, stay, options), "interpolation"],
  ["warpLabels", (options) => warpLabels(Int32Array.of(0, 1), [1, 2], stay, options, 0), "interpolation"],
  ["rotateImages", (options) => rotateImages(pixels, shape, 90, options), "interpolation"],
  [
    "padImages",
    (sides: object) => padImages(pixels, shape, { top: 0, bottom: 0, left: 0, right: 0, ...sides }),
    "bottom",
  ],
  ["augmenter", (options) => augmenter(options), "rotate"],
  ["augmenter's colour", (colour) => augmenter({ colour }), "saturation"],
  ["augmenter's blur", (blur) => augmenter({ blur }), "probability"],
  ["augmenter's erase", (erase) => augmenter({ erase }), "probability"],
  ["augmenter's normalization", (more: object) => augmenter({}, { ...normalization, ...more }), "mean"],
  ["normalize", (more: object) => normalize(pixels, 1, { ...normalization, ...more }), "mean"],
  [
    "BatchStream",
    (options: object) => new BatchStream(datasetOf(set), { batchSize: 1, epochs: 1, seed: 1, ...options }),
    "sampling",
  ],
  ["datasetOf", (options) => datasetOf(set, options), "source"],
  ["splitDataset", (options) => splitDataset(datasetOf(set), { a: 0.5 }, options), "stratified"],
  ["voxelize", (options) => voxelize(mesh, options), "solid"],
  ["mnistFromIdx", (names) => mnistFromIdx(bytes, bytes, names), "classNames"],
  ["loadMnist", (options) => loadMnist(options), "folder"],
  ["decodeImage", (options) => decodeImage("none.png", options), "background"],
  ["decodeRegion", (options) => decodeRegion("none.png", region, options), "background"],
  ["checkDatasetSpec", (options: object) => checkDatasetSpec({ name: "mnist", ...options }), "folder"],
  ["loadDataset", (options: object) => loadDataset({ name: "folder", folder: ".", ...options }), "resize"],
  [
    "verifyDataset",
    (options: object) => verifyDataset({ name: "folder", folder: ".", ...options }),
    "resize",
  ],
];

describe("misspelt options are refused", () => {
  it.each(CASES)("%s", (_, call, option) => expectStrict(call, option));
});
