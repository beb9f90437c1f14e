// The networks train on WebGPU as they do on the CPU.

import { maxRelativeError } from "@gmr-conv/core";
import { createModel } from "@gmr-conv/models";
import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { trainingStep } from "../testing/trainingStep.ts";
import { isWebGpuMissing } from "../testing/webGpu.ts";

const missing = await isWebGpuMissing();

const image = { classes: 3, seed: 1, inputShape: [12, 12, 3] };
const volume = { classes: 3, seed: 1, inputShape: [8, 8, 8, 1] };
const residual = { depths: [1, 1], widths: [4, 8], kernelSizes: [5, 3] };
const nested = { levels: 2, features: [4, 4, 6, 4], kernelSizes: [5, 3, 3] };
const smooth = { pooling: "blur", fieldOfView: "disc", globalPooling: "max" } as const;
const official = { upsampling: "deconv", pooling: "average", norm: "batch", oddSides: "floor" } as const;

const NETWORKS: [string, () => tf.LayersModel][] = [
  ["gmr-resnet18", () => createModel("gmr-resnet18", { ...image, depths: [1, 1], widths: [4, 8] })],
  ["gmr-resnet18 of smooth maps", () => createModel("gmr-resnet18", { ...image, ...residual, ...smooth })],
  [
    "gmr-resnet50",
    () => createModel("gmr-resnet50", { ...image, ...residual, dilateInsteadOfStride: [false, true] }),
  ],
  ["gmr-r3d9", () => createModel("gmr-r3d9", { ...volume, ...residual })],
  ["gmr-unet for images", () => createModel("gmr-unet", { ...image, ...nested })],
  ["gmr-unet for volumes", () => createModel("gmr-unet", { ...volume, ...nested })],
  ["gmr-unet for images, as published", () => createModel("gmr-unet", { ...image, ...nested, ...official })],
  [
    "gmr-unet for volumes, as published",
    () => createModel("gmr-unet", { ...volume, ...nested, ...official }),
  ],
  ["dense-resnet18", () => createModel("dense-resnet18", { ...image, ...residual })],
  ["dense-r3d9", () => createModel("dense-r3d9", { ...volume, ...residual })],
  ["dense-unet", () => createModel("dense-unet", { ...image, ...nested })],
  ["p4-resnet18", () => createModel("p4-resnet18", { ...image, depths: [1, 1], widths: [2, 4] })],
];

describe.skipIf(missing).each(NETWORKS)("%s", (_, create) => {
  it("trains and predicts as on the CPU", async () => {
    await tf.setBackend("cpu");
    const expected = await trainingStep(create());
    await tf.setBackend("webgpu");
    const { numTensors } = tf.memory();
    const actual = await trainingStep(create());
    expect(tf.memory().numTensors).toBe(numTensors);
    expect(maxRelativeError(actual.losses, expected.losses)).toBeLessThan(1e-4);
    expect(maxRelativeError(actual.outputs, expected.outputs)).toBeLessThan(1e-3);
    expect(Object.keys(actual.gradients)).toEqual(Object.keys(expected.gradients));
    const largest = (gradient: Float32Array): number => Math.max(...gradient.map(Math.abs));
    const floor = 0.01 * Math.max(...Object.values(expected.gradients).map(largest));
    for (const [name, gradient] of Object.entries(expected.gradients)) {
      const error = Math.max(...gradient.map((value, i) => Math.abs(value - actual.gradients[name][i])));
      // Biases before a normalisation have a gradient of zero, to rounding of others.
      expect(error / Math.max(floor, largest(gradient)), name).toBeLessThan(1e-4);
    }
  });
});
