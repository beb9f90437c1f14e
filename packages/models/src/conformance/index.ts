// Networks on a backend: each must train and predict as on the plain CPU backend. Needs no test framework. Activate the
// backend, then run every case:
//
//   for (const { name, run } of networkCases()) test(name, run);

import { GmrError } from "@gmr-conv/core";
import { maxRelativeError } from "@gmr-conv/core/equivariance";
import * as tf from "@tensorflow/tfjs";
import { createModel } from "../registry.ts";
import { lossCases } from "./lossCases.ts";
import type { NetworkCase } from "./networkCase.ts";
import { type TrainingStep, trainingStep } from "./trainingStep.ts";

export type { NetworkCase };

/** The largest errors allowed, relative to the largest value compared. */
export const NETWORK_TOLERANCES = { losses: 1e-4, outputs: 1e-3, gradients: 1e-4 } as const;

const image = { classes: 3, seed: 1, inputShape: [13, 12, 3] };
const volume = { classes: 3, seed: 1, inputShape: [8, 9, 8, 1] };
const residual = { depths: [1, 1], widths: [4, 8], kernelSizes: [5, 3] };
const nested = { levels: 2, features: [4, 4, 6, 4], kernelSizes: [5, 3, 3] };
const smooth = { pooling: "blur", fieldOfView: "disc", globalPooling: "max" } as const;
const official = { upsampling: "deconv", pooling: "average", norm: "batch", oddSides: "floor" } as const;

const NETWORKS: readonly [name: string, create: () => tf.LayersModel][] = [
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

/**
 * One training step of a small network of every kind on the active backend and on `cpu`, and losses at extreme values.
 */
export function networkCases(): NetworkCase[] {
  return [...NETWORKS.map(([name, create]) => ({ name, run: () => check(create) })), ...lossCases()];
}

async function check(create: () => tf.LayersModel): Promise<void> {
  const backend = tf.getBackend();
  const { numTensors } = tf.memory();
  const actual = await trainingStep(create());
  const leaked = tf.memory().numTensors - numTensors;
  if (leaked !== 0) throw new GmrError("invalid-data", `a step leaves ${leaked} tensors on "${backend}"`);
  const expected = await onCpu(() => trainingStep(create()));
  compare("losses", maxRelativeError(actual.losses, expected.losses), NETWORK_TOLERANCES.losses);
  compare("outputs", maxRelativeError(actual.outputs, expected.outputs), NETWORK_TOLERANCES.outputs);
  compareGradients(actual, expected);
}

async function onCpu<T>(compute: () => Promise<T>): Promise<T> {
  const backend = tf.getBackend();
  await tf.setBackend("cpu");
  try {
    return await compute();
  } finally {
    await tf.setBackend(backend);
  }
}

function compareGradients(actual: TrainingStep, expected: TrainingStep): void {
  const largest = (gradient: Float32Array): number =>
    gradient.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  // Biases before a normalisation have zero gradient, up to rounding relative to the others.
  const floor = 0.01 * Math.max(...[...expected.gradients.values()].map(largest));
  for (const [name, gradient] of expected.gradients) {
    const other = actual.gradients.get(name);
    const difference = other ? largest(gradient.map((value, i) => value - other[i])) : Number.NaN;
    const error = difference / Math.max(floor, largest(gradient));
    compare(`the gradient of ${name}`, error, NETWORK_TOLERANCES.gradients);
  }
}

function compare(what: string, error: number, tolerance: number): void {
  if (error <= tolerance) return;
  const share = error.toExponential(1);
  throw new GmrError(
    "invalid-data",
    `${what} differ by ${share} on backend "${tf.getBackend()}" from those on "cpu", the tolerance is ${tolerance}`,
  );
}
