// The ways to compute a convolution, and which of them a device has.

import { patchFor } from "./patch.ts";
import type { Problem } from "./problem.ts";
import type { TileSide } from "./tile.ts";

/** Threads that work alone, subgroups whose threads share what they load, or workgroups that share tiles. */
export type Product = "direct" | "subgroups" | TileSide;

/** A matrix product of sums read from a buffer or, if fused, of sums that each workgroup makes itself. */
export type Method = { fused: false; product: Product } | { fused: true; product: TileSide };

/**
 * - `direct`: writes the sums to a buffer; in the matrix product that follows, threads work alone.
 * - `tiled32`, `tiled64`: the same, but workgroups share tiles in workgroup memory, and each makes 32 × 32 or 64 × 64
 *   numbers of the result.
 * - `subgroups`: the same, but the threads of a subgroup hand each other what they loaded. Not on adapters without
 *   subgroups; never chosen unless measured to be fastest.
 * - `fused32`, `fused64`: as `tiled32` and `tiled64`, but the workgroups make the sums of their tiles themselves,
 *   from a patch of the image.
 */
export type Variant = "direct" | "tiled32" | "tiled64" | "subgroups" | "fused32" | "fused64";

export const VARIANTS: Readonly<Record<Variant, Method>> = {
  direct: { fused: false, product: "direct" },
  tiled32: { fused: false, product: 32 },
  tiled64: { fused: false, product: 64 },
  subgroups: { fused: false, product: "subgroups" },
  fused32: { fused: true, product: 32 },
  fused64: { fused: true, product: 64 },
};

export const VARIANT_NAMES = Object.keys(VARIANTS) as Variant[];

/** What decides which variants a device has. */
export interface Abilities {
  /** Whether the adapter is a software adapter. */
  software: boolean;
  subgroups: boolean;
  /** Bytes of workgroup memory that a shader may use. */
  memory: number;
}

/** More workgroup memory would leave few workgroups to a multiprocessor. */
const MAX_WORKGROUP_MEMORY = 32768;

export function abilitiesOf({ features, limits }: GPUDevice, software: boolean): Abilities {
  return {
    software,
    subgroups: features.has("subgroups"),
    memory: Math.min(MAX_WORKGROUP_MEMORY, limits.maxComputeWorkgroupStorageSize),
  };
}

/**
 * Whether a variant can compute a problem: fused ones need room for a patch of the image in workgroup memory. The
 * gradient of the weights, whose sums run over all pixels, has the first three variants only, and groups have the first.
 */
export function fits(variant: Variant, { use, gather }: Problem, { subgroups, memory }: Abilities): boolean {
  const { fused, product } = VARIANTS[variant];
  if ((gather.groups ?? 1) > 1) return variant === "direct";
  if (product === "subgroups") return subgroups && use !== "filter";
  return !fused || (use !== "filter" && patchFor(gather, product, memory) !== undefined);
}

/** All variants that can compute a problem. */
export function candidates(problem: Problem, abilities: Abilities): Variant[] {
  return VARIANT_NAMES.filter((variant) => fits(variant, problem, abilities));
}
