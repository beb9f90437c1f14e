// The networks of this package by name.

import { describeValue, GmrError } from "@gmr-conv/core";
import type * as tf from "@tensorflow/tfjs";
import { checkGroupResNetOptions, type GroupResNetOptions, groupResNet } from "./groupConv/index.ts";
import { buildNetwork, type Entry, IMAGES, NETWORKS } from "./networks.ts";
import type { ResNetOptions } from "./resNetOptions.ts";
import type { UNetOptions } from "./unetOptions.ts";

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
  ...NETWORKS,
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
 * A network by name. Its options are those of `resNet`, `r3d`, `unet` or {@link groupResNet};
 * `inputShape` and `classes` are required, everything else defaults to what the name stands for.
 *
 * @throws GmrError `invalid-argument` for an unknown name, and what the network's function throws
 *
 * @example
 * const model = createModel("gmr-resnet18", { inputShape: [32, 32, 3], classes: 10 });
 */
export function createModel<Name extends ModelName>(name: Name, options: OptionsOf<Name>): tf.LayersModel {
  return buildNetwork(entryOf(name), options);
}

/**
 * Checks the options of a network without making it.
 * @throws GmrError `invalid-argument` for an unknown name or option values, naming them
 */
export function checkModelOptions(name: string, options: object): void {
  const { check, defaults } = entryOf(name);
  check({ ...defaults, ...options } as never);
}

/** What a name stands for, and a typical input. */
export function describeModel(name: ModelName): Pick<Entry, "description" | "example"> {
  return entryOf(name);
}

function entryOf(name: string): Entry {
  if (Object.hasOwn(REGISTRY, name)) return REGISTRY[name as ModelName];
  throw new GmrError(
    "invalid-argument",
    `model must be one of ${MODEL_NAMES.join(", ")}, got ${describeValue(name)}`,
  );
}
