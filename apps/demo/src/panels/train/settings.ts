// What can be trained in the page: two sizes of a pair of networks, and for how long.

import type { TrainOptions } from "@gmr-conv/training";
import type { NetworkName } from "../../engine/types.ts";

export const SIZES = ["small", "medium"] as const;
export type Size = (typeof SIZES)[number];

/** Choices of the number of steps, in epochs. */
export const EPOCHS = [1, 3, 6, 12] as const;

/** What the visitor chooses. */
export interface RunSettings {
  size: Size;
  epochs: number;
}

export const DEFAULTS: RunSettings = { size: "small", epochs: 3 };

const WIDTHS: Readonly<Record<Size, readonly number[]>> = { small: [8, 16, 32], medium: [12, 24, 48] };

/** Arguments of the registry of `@gmr-conv/models`. The networks differ in nothing but their convolutions. */
export function networkOf(name: NetworkName, size: Size) {
  const options = {
    inputShape: [28, 28, 1],
    classes: 10,
    depths: [1, 1, 1],
    widths: WIDTHS[size],
    strides: [1, 1, 2] as (1 | 2)[],
    stemPool: true,
    pooling: "blur" as const,
    fieldOfView: "disc" as const,
    inputBlur: 0.7,
    headNorm: true,
    seed: 1,
    name,
  };
  return name === "gmr"
    ? { name: "gmr-resnet18" as const, options: { ...options, kernelSizes: [9, 5, 5] } }
    : { name: "dense-resnet18" as const, options };
}

export const BATCH_SIZE = 32;

/** Training digits that the page comes with. */
const IMAGES = 6400;

/** Steps of so many epochs. */
export const stepsOf = (epochs: number): number => epochs * Math.floor(IMAGES / BATCH_SIZE);

/** Everything else is the default of `train`. */
export const trainOptions = ({ epochs }: RunSettings): TrainOptions => ({
  epochs,
  batchSize: BATCH_SIZE,
  optimizer: { learningRate: 0.015 },
  augment: { translate: 2, subpixel: true, scale: [0.85, 1.15] },
  checkpointSeconds: 5,
});
