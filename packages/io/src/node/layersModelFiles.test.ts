import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { gmrConv2dLayer } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { layersModelFiles, readLayersModel, writeLayersModel } from "./layersModelFiles.ts";

const folder = mkdtempSync(path.join(tmpdir(), "gmr-model-"));
beforeAll(() => tf.setBackend("cpu"));
afterAll(() => rmSync(folder, { recursive: true }));

function build(): tf.LayersModel {
  const layer = gmrConv2dLayer({ inputShape: [8, 8, 2], filters: 3, kernelSize: 5, activation: "relu" });
  return tf.sequential({ layers: [layer, tf.layers.flatten(), tf.layers.dense({ units: 4 })] });
}

function difference(a: tf.LayersModel, b: tf.LayersModel): number {
  return tf.tidy(() => {
    const x = tf.randomNormal([2, 8, 8, 2], 0, 1, "float32", 1);
    return (a.predict(x) as tf.Tensor)
      .sub(b.predict(x) as tf.Tensor)
      .abs()
      .max()
      .dataSync()[0];
  });
}

describe("models on disk", () => {
  const model = build();
  const place = path.join(folder, "deep", "model");

  it("load as they were saved, from the folder and from model.json", async () => {
    await writeLayersModel(model, place);
    for (const location of [place, path.join(place, "model.json")]) {
      expect(difference(await readLayersModel(location), model)).toBe(0);
    }
    expect(difference(await tf.loadLayersModel(layersModelFiles(place)), model)).toBe(0);
  });

  it("load from several weight files", async () => {
    const bytes = readFileSync(path.join(place, "weights.bin"));
    writeFileSync(path.join(place, "a.bin"), bytes.subarray(0, 100));
    writeFileSync(path.join(place, "b.bin"), bytes.subarray(100));
    const text = readFileSync(path.join(place, "model.json"), "utf8");
    writeFileSync(path.join(place, "split.json"), text.replace('["weights.bin"]', '["a.bin","b.bin"]'));
    expect(difference(await readLayersModel(path.join(place, "split.json")), model)).toBe(0);
  });

  it.each<[string, RegExp, (text: string) => string]>([
    ["text that is not JSON", /model\.json is not JSON/, () => "{"],
    ["other JSON", /is not a TensorFlow\.js model: it has no modelTopology/, () => "{}"],
    ["null", /is not a TensorFlow\.js model/, () => "null"],
    ["a missing weights file", /cannot read .*other\.bin/, (t) => t.replace("weights.bin", "other.bin")],
    ["weights elsewhere", /expected a file beside it/, (t) => t.replace("weights.bin", "../weights.bin")],
    ["an unknown layer", /is not a model: Unknown layer: Mystery/, (t) => t.replace("Dense", "Mystery")],
  ])("reject %s", async (_, message, change) => {
    const other = path.join(folder, "changed");
    await writeLayersModel(model, other);
    const file = path.join(other, "model.json");
    writeFileSync(file, change(readFileSync(file, "utf8")));
    await expect(readLayersModel(other)).rejects.toThrow(message);
    await expect(readLayersModel(other)).rejects.toMatchObject({ name: "GmrError" });
  });

  it("reject truncated weights and a missing folder", async () => {
    const other = path.join(folder, "cut");
    await writeLayersModel(model, other);
    truncateSync(path.join(other, "weights.bin"), 50);
    await expect(readLayersModel(other)).rejects.toMatchObject({ name: "GmrError", code: "invalid-data" });
    await expect(readLayersModel(path.join(folder, "none"))).rejects.toMatchObject({ code: "io" });
  });
});
