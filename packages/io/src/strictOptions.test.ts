import * as tf from "@tensorflow/tfjs";
import { describe, it } from "vitest";
import { expectStrict, type StrictCase } from "../../../tooling/testing/expectStrict.ts";
import { readTorch, readWeights } from "./index.ts";
import { loadStateDict } from "./layers/index.ts";
import { exportOnnx } from "./onnx/index.ts";

const bytes = new Uint8Array(16);
const model = (): tf.LayersModel =>
  tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [1] })] });

const CASES: readonly StrictCase[] = [
  ["readTorch", (options) => readTorch(bytes, "file", options), "maxBytes"],
  ["readWeights", (options) => readWeights(bytes, "file", options), "maxBytes"],
  ["loadStateDict", (options) => loadStateDict(model(), new Map(), options), "strict"],
  ["exportOnnx", (options) => exportOnnx(model(), options), "layout"],
];

describe("misspelt options are refused", () => {
  it.each(CASES)("%s", (_, call, option) => expectStrict(call, option));
});
