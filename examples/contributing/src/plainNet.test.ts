import { foldModel } from "@gmr-conv/tfjs";
import { checkEquivariance } from "@gmr-conv/tfjs/equivariance";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { plainNetEntry } from "./plainNet.ts";

beforeAll(() => tf.setBackend("cpu"));

const options = { inputShape: [9, 9, 1], classes: 3, widths: [3, 4], seed: 1 } as const;
const { build, check, defaults } = plainNetEntry;

/** The largest difference between the answers of two models to the same images. */
function difference(a: tf.LayersModel, b: tf.LayersModel): number {
  return tf.tidy(() => {
    const x = tf.randomNormal([2, 9, 9, 1], 0, 1, "float32", 1);
    const [left, right] = [a, b].map((model) => model.predict(x) as tf.Tensor);
    return left.sub(right).abs().max().dataSync()[0];
  });
}

it("answers alike whichever way an image is turned", async () => {
  const report = await checkEquivariance(build({ ...defaults, ...options }), { angles: [] });
  expect(report.exact.worst).toBeLessThan(1e-5);
});

it("folds to stock layers that compute the same", () => {
  const model = build({ ...defaults, ...options });
  const folded = foldModel(model);
  const own = folded.layers
    .map((layer) => layer.getClassName())
    .filter((name) => /^(Gmr|HardSwish)/.test(name));
  expect(own).toEqual([]);
  expect(difference(model, folded)).toBeLessThan(1e-5);
});

it("is the same after it was saved and loaded", async () => {
  const model = build({ ...defaults, ...options });
  const handler = tf.io.withSaveHandler(async (artifacts) => {
    saved = artifacts;
    return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) };
  });
  let saved: tf.io.ModelArtifacts = {};
  await model.save(handler);
  const loaded = await tf.loadLayersModel(tf.io.fromMemory(saved));
  expect(difference(model, loaded)).toBe(0);
});

it("refuses options that make no sense, without building", () =>
  expectGmrError(() => check({ ...options, classes: 0 }), "invalid-argument", /^classes must be/));
