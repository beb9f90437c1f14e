// The settings of the main job, and the networks that `gmr train` offers.

import { GmrError } from "@gmr-conv/core";
import type { ResNetOptions } from "@gmr-conv/models";
import type { NetworkConfig, TrainConfig } from "./training/config.ts";

/** The size of a network without its kind; kernel sizes are those of the GMR network (the twin's are 3×3). */
type Size = Omit<ResNetOptions, "kind" | "kernelSizes" | "stemKernelSize" | "numRings" | "name"> &
  Pick<ResNetOptions, "kernelSizes">;

const MNIST_SMALL: Size = {
  inputShape: [28, 28, 1],
  classes: 10,
  depths: [2, 2, 2],
  widths: [16, 24, 40],
  kernelSizes: [5, 5, 5],
  strides: [1, 1, 2],
  stemPool: true,
  pooling: "blur",
  fieldOfView: "disc",
  inputBlur: 0.7,
  headNorm: true,
  ringBasis: "rings",
  ringInitializer: "ringMean",
  seed: 1,
};

/** A GMR network or its dense twin of a size. */
function network(kind: "gmr" | "dense", size: Size, epochs: number): NetworkConfig {
  const { kernelSizes, ...rest } = size;
  return kind === "gmr"
    ? { name: "gmr", label: "GMR-ResNet", epochs, model: { ...rest, kind, kernelSizes } }
    : { name: "dense", label: "Dense twin", epochs, model: { ...rest, kind } };
}

/** What `gmr quickstart` trains: a small GMR-ResNet and its dense twin on upright MNIST. */
export function quickstartConfig(): TrainConfig {
  return {
    title: "Upright MNIST, read at every angle",
    dataset: "mnist",
    backend: "wasm",
    batchSize: 64,
    seed: 1,
    labelSmoothing: 0,
    augment: { translate: 2, subpixel: true, scale: [0.85, 1.15] },
    optimizer: { name: "adamw", learningRate: 8e-3, weightDecay: 1e-3, momentum: 0.9, warmup: 0.15 },
    // The twin learns upright digits much sooner, and its steps take longer.
    networks: [network("gmr", MNIST_SMALL, 3), network("dense", MNIST_SMALL, 1)],
  };
}

/** The networks named in a list such as `gmr,dense`. */
export function networksNamed(
  names: readonly string[],
  size: Partial<Size>,
  epochs: number,
): NetworkConfig[] {
  return names.map((name, i) => {
    if (names.indexOf(name) < i) {
      throw new GmrError("invalid-argument", `network ${JSON.stringify(name)} is named twice`);
    }
    if (name === "gmr" || name === "dense") return network(name, { ...MNIST_SMALL, ...size }, epochs);
    throw new GmrError("invalid-argument", `network ${JSON.stringify(name)}: expected "gmr" or "dense"`);
  });
}
