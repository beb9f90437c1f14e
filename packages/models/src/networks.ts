// The networks of this package by name, without those of group convolutions.

import type * as tf from "@tensorflow/tfjs";
import { checkResNetOptions } from "./planResNet.ts";
import { checkUNetOptions } from "./planUNet.ts";
import { r3d } from "./r3d.ts";
import type { ResNetOptions } from "./resNetOptions.ts";
import { resNet } from "./resnet.ts";
import { unet } from "./unet.ts";
import type { UNetOptions } from "./unetOptions.ts";

/** What a name stands for. */
export interface Entry {
  description: string;
  build: (options: never) => tf.LayersModel;
  /** Checks options without building. */
  check: (options: never) => void;
  /** Defaults of this name; options override them. */
  defaults: object;
  /** A typical input. */
  example: { inputShape: readonly number[]; classes: number };
}

export const IMAGES = { inputShape: [32, 32, 3], classes: 10 };
const VOXELS = { inputShape: [33, 33, 33, 1], classes: 10 };
const SLICES = { inputShape: [256, 256, 1], classes: 2 };

const RESNETS = {
  18: { block: "basic", depths: [2, 2, 2, 2] },
  34: { block: "basic", depths: [3, 4, 6, 3] },
  50: { block: "bottleneck", depths: [3, 4, 6, 3] },
} as const;

function residual(kind: "gmr" | "dense", size: keyof typeof RESNETS): Entry {
  const rings = kind === "gmr" ? "9×9 and 5×5 ring convolutions" : "3×3 convolutions, the dense twin";
  return {
    description: `ResNet-${size} for images, ${rings}`,
    build: (options: ResNetOptions) => resNet(options),
    check: (options: ResNetOptions) => checkResNetOptions(options),
    defaults: { ...RESNETS[size], kind, name: `${kind}-resnet${size}` },
    example: IMAGES,
  };
}

function volumetric(kind: "gmr" | "dense", size: 9 | 18): Entry {
  const depth = size === 9 ? 1 : 2;
  return {
    description: `R3D-${size} for volumes${kind === "dense" ? ", the dense twin" : ", ring convolutions"}`,
    build: (options: ResNetOptions) => r3d(options),
    check: (options: ResNetOptions) => checkResNetOptions(options),
    defaults: { depths: [depth, depth, depth, depth], kind, name: `${kind}-r3d${size}` },
    example: VOXELS,
  };
}

function segmentation(kind: "gmr" | "dense"): Entry {
  return {
    description: `U-Net for images and volumes${kind === "dense" ? ", the dense twin" : ", ring convolutions"}`,
    build: (options: UNetOptions) => unet(options),
    check: (options: UNetOptions) => checkUNetOptions(options),
    defaults: { kind, name: `${kind}-unet` },
    example: SLICES,
  };
}

export const NETWORKS = {
  "gmr-resnet18": residual("gmr", 18),
  "gmr-resnet34": residual("gmr", 34),
  "gmr-resnet50": residual("gmr", 50),
  "gmr-r3d9": volumetric("gmr", 9),
  "gmr-r3d18": volumetric("gmr", 18),
  "gmr-unet": segmentation("gmr"),
  "dense-resnet18": residual("dense", 18),
  "dense-resnet34": residual("dense", 34),
  "dense-resnet50": residual("dense", 50),
  "dense-r3d9": volumetric("dense", 9),
  "dense-r3d18": volumetric("dense", 18),
  "dense-unet": segmentation("dense"),
} satisfies Record<string, Entry>;

/** The network of an entry; `options` override its defaults. */
export function buildNetwork({ build, defaults }: Entry, options: object): tf.LayersModel {
  const given = Object.fromEntries(Object.entries(options ?? {}).filter(([, value]) => value !== undefined));
  return build({ ...defaults, ...given } as never);
}
