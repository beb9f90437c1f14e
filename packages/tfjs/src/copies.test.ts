import { createRequire } from "node:module";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { checkEquivariance } from "./equivariance/index.ts";
import { convertToGmr, foldModel, fusedBatchNormalization, gmrConv2dLayer } from "./index.ts";

const require = createRequire(import.meta.url);

/** Another copy, as an install with two versions has it. */
function anotherCopy(): typeof tf {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {}); // of every kernel
  for (const file of Object.keys(require.cache)) if (file.includes("@tensorflow")) delete require.cache[file];
  const copy = require("@tensorflow/tfjs") as typeof tf;
  warn.mockRestore();
  return copy;
}

const message = (what: string): RegExp =>
  new RegExp(
    `^${what} comes from a different copy of TensorFlow.js than our layers: keep only one \\(\`npm ls`,
  );

describe("a second copy of TensorFlow.js", () => {
  let other: typeof tf;
  let foreign: tf.LayersModel;
  const layer = () => gmrConv2dLayer({ filters: 2, kernelSize: 3, inputShape: [8, 8, 1] });

  beforeAll(async () => {
    await tf.setBackend("cpu");
    other = anotherCopy();
    expect(other.LayersModel).not.toBe(tf.LayersModel);
    foreign = other.sequential({
      layers: [other.layers.conv2d({ filters: 2, kernelSize: 3, inputShape: [8, 8, 1] })],
    });
  });

  it("triggers one warning, before it fails on an unknown layer", () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    layer();
    fusedBatchNormalization();
    expect(warn.mock.calls).toEqual([
      [expect.stringMatching(/^GMR-Conv: there are two copies of TensorFlow.js, .* `npm dedupe`/)],
    ]);
    warn.mockRestore();
  });

  it.each<[string, () => unknown]>([
    ["a layer in its sequential model", () => other.sequential({ layers: [layer()] })],
    ["a layer on its symbolic tensors", () => layer().apply(other.input({ shape: [8, 8, 1] }))],
    [
      "layers of several inputs",
      () => tf.layers.add().apply([other.input({ shape: [2] }), other.input({ shape: [2] })]),
    ],
  ])("is named by %s", async (_, action) => {
    await expectGmrError(action, "unsupported", message("the input of layer \\w+"));
  });

  it("is named where its models are rebuilt", async () => {
    await expectGmrError(() => foldModel(foreign), "unsupported", message("the model"));
    await expectGmrError(() => convertToGmr(foreign), "unsupported", message("the model"));
    await expectGmrError(() => checkEquivariance(foreign), "unsupported", message("the target"));
  });

  it("shares tensors, and initialisers by their configuration", async () => {
    const ones = gmrConv2dLayer({
      filters: 1,
      kernelSize: 3,
      mixture: false,
      kernelInitializer: other.initializers.ones(),
    });
    const y = ones.apply(other.ones([1, 3, 3, 1])) as tf.Tensor;
    expect(y.dataSync()[0]).toBe(9);
  });
});
