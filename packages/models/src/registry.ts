// The networks of this package by name.

import { describeValue, GmrError } from "@gmr-conv/core";
import type * as tf from "@tensorflow/tfjs";
import { type ModelCost, modelCost } from "./cost.ts";
import { checkGroupResNetOptions, type GroupResNetOptions, groupResNet } from "./groupConv/index.ts";
import { checkResNetOptions } from "./planResNet.ts";
import { checkUNetOptions } from "./planUNet.ts";
import { r3d } from "./r3d.ts";
import type { ResNetOptions } from "./resNetOptions.ts";
import { resNet } from "./resnet.ts";
import { unet } from "./unet.ts";
import type { UNetOptions } from "./unetOptions.ts";

interface Entry {
  description: string;
  build: (options: never) => tf.LayersModel;
  /** Checks options without building. */
  check: (options: never) => void;
  /** Defaults of this name; options override them. */
  defaults: object;
  /** A typical input. */
  example: { inputShape: readonly number[]; classes: number };
}

const IMAGES = { inputShape: [32, 32, 3], classes: 10 };
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

function groupResidual(group: "p4" | "p4m"): Entry {
  const mirrors = group === "p4m" ? " and mirror images" : "";
  return {
    description: `ResNet-18 of group convolutions, equivariant to quarter turns${mirrors}`,
    build: (options: GroupResNetOptions) => groupResNet(options),
    check: (options: GroupResNetOptions) => checkGroupResNetOptions(options),
    defaults: { group, depths: [2, 2, 2, 2], name: `${group}-resnet18` },
    example: IMAGES,
  };
}

const REGISTRY = {
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
  "p4-resnet18": groupResidual("p4"),
  "p4m-resnet18": groupResidual("p4m"),
} satisfies Record<string, Entry>;

export type ModelName = keyof typeof REGISTRY;

type OptionsOf<Name extends ModelName> = Name extends `${"p4" | "p4m"}-${string}`
  ? GroupResNetOptions
  : Name extends `${string}-unet`
    ? UNetOptions
    : ResNetOptions;

/** The names that {@link createModel} knows. */
export const MODEL_NAMES = Object.keys(REGISTRY) as readonly ModelName[];

/**
 * A network by name. Its options are those of {@link resNet}, {@link r3d}, {@link unet} or {@link groupResNet};
 * `inputShape` and `classes` are required, everything else defaults to what the name stands for.
 *
 * @throws GmrError `invalid-argument` for an unknown name, and what the network's function throws
 *
 * @example
 * const model = createModel("gmr-resnet18", { inputShape: [32, 32, 3], classes: 10 });
 */
export function createModel<Name extends ModelName>(name: Name, options: OptionsOf<Name>): tf.LayersModel {
  const { build, defaults } = entryOf(name);
  const given = Object.fromEntries(Object.entries(options ?? {}).filter(([, value]) => value !== undefined));
  return build({ ...defaults, ...given } as never);
}

/**
 * Checks the options of a network without making it.
 * @throws GmrError `invalid-argument` for an unknown name or option values, naming them
 */
export function checkModelOptions(name: string, options: object): void {
  const { check, defaults } = entryOf(name);
  check({ ...defaults, ...options } as never);
}

/** A network as {@link listModels} describes it. */
export interface ModelInfo extends Omit<ModelCost, "layers"> {
  name: ModelName;
  description: string;
  /** [...sizes, channels] of the input that the counts apply to. */
  inputShape: readonly number[];
  classes: number;
}

/**
 * Describes networks, with parameters, multiply-adds and receptive field for a typical input. Builds each of them once,
 * which takes a moment.
 * @param names all by default
 */
export function listModels(names: readonly ModelName[] = MODEL_NAMES): ModelInfo[] {
  return names.map((name) => {
    const known = LISTED.get(name) ?? describe(name);
    LISTED.set(name, known);
    return { ...known };
  });
}

/** What is known from an earlier list. */
const LISTED = new Map<ModelName, ModelInfo>();

function describe(name: ModelName): ModelInfo {
  const { description, example } = entryOf(name);
  const model = createModel(name, { ...example, seed: 0 } as never);
  const { layers: _, ...cost } = modelCost(model);
  model.dispose();
  return { name, description, ...example, ...cost };
}

function entryOf(name: string): Entry {
  if (Object.hasOwn(REGISTRY, name)) return REGISTRY[name as ModelName];
  throw new GmrError(
    "invalid-argument",
    `model must be one of ${MODEL_NAMES.join(", ")}, got ${describeValue(name)}`,
  );
}
