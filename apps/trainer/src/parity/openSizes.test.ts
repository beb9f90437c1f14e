// One ONNX file of a network for images of all sizes.

import { maxRelativeError } from "@gmr-conv/core/equivariance";
import { exportOnnx } from "@gmr-conv/io/onnx";
import { type ResNetOptions, resNet, type UNetOptions, unet } from "@gmr-conv/models";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, expect, it } from "vitest";
import { useBackend } from "../backend.ts";
import { runOnnx } from "./runOnnx.ts";

beforeAll(() => useBackend("wasm"));

const small = {
  classes: 2,
  levels: 3,
  features: [4, 4, 6, 8, 4],
  kernelSizes: [5, 5, 3, 3],
  seed: 1,
} as const;
// Instance normalisation of much fewer positions, behind three halvings, multiplies rounding errors.
const images = [
  [1, 24, 24, 1],
  [2, 17, 23, 1],
  [1, 37, 45, 1],
  [1, 9, 64, 1],
];
const volumes = [
  [1, 8, 16, 9, 1],
  [1, 11, 13, 17, 1],
];

it.each<[string, Partial<UNetOptions>, number[][]]>([
  ["linear", {}, images],
  ["as the official one, without trained upsampling", { upsampling: "linear", oddSides: "floor" }, images],
  ["as the official one, with deconvolutions", { defaults: "official" }, images],
  ["averages, batch norm", { pooling: "average", norm: "batch" }, images],
  ["volumes, linear", {}, volumes],
  ["volumes, as the official one", { upsampling: "linear", oddSides: "floor" }, volumes],
])("a U-Net: %s", async (_, options, shapes) => {
  const model = unet({ inputShape: openShape(shapes), ...small, ...options });
  await expectSame(model, shapes);
});

it.each<[string, Partial<ResNetOptions>, number[][]]>([
  ["a disc as field of view", { fieldOfView: "disc", inputBlur: 0.7, headNorm: true }, images],
  ["as the official one", { defaults: "official" }, images],
  ["volumes", { layerNames: "r3d" }, volumes],
])("a ResNet: %s", async (_, options, shapes) => {
  const size = { depths: [1, 1], widths: [4, 6], kernelSizes: [5, 3], classes: 3, seed: 1 };
  const model = resNet({ inputShape: openShape(shapes), ...size, ...options });
  await expectSame(model, shapes);
});

const openShape = (shapes: number[][]) => [...shapes[0].slice(1, -1).map(() => null), 1];

/** Compares a model with its file for images of several shapes, and disposes it. */
async function expectSame(model: tf.LayersModel, shapes: number[][]): Promise<void> {
  const file = await exportOnnx(model, { layout: "NHWC" });
  for (const shape of shapes) {
    const x = tf.randomNormal(shape, 0, 1, "float32", 1);
    const expected = model.predict(x) as tf.Tensor;
    const found = await runOnnx(file, { shape, data: (await x.data()) as Float32Array });
    expect(maxRelativeError(found, await expected.data())).toBeLessThan(1e-5);
    tf.dispose([x, expected]);
  }
  model.dispose();
}
