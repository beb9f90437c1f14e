// The ways to compute a convolution, and which one is taken.

import type * as tf from "@tensorflow/tfjs";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { isSoftware } from "../backend.ts";
import { type Gather, volume } from "./gather.ts";
import { fours } from "./pad.ts";
import { patchFor } from "./patch.ts";

/**
 * - `direct`: the sums to a buffer, then a matrix product whose threads work alone.
 * - `tiled32`, `tiled64`: the same with a product whose workgroups share tiles in workgroup memory, each making 32 × 32
 *   or 64 × 64 numbers of the result.
 * - `subgroups`: the same with a product whose subgroups hand each other what they loaded. Adapters without subgroups
 *   lack it; never taken unless measured to be fastest.
 * - `fused32`, `fused64`: so, but the workgroups make the sums of their tile themselves, from a patch of the image.
 */
export type Variant = "direct" | "tiled32" | "tiled64" | "subgroups" | "fused32" | "fused64";

export const VARIANTS: readonly Variant[] = [
  "direct",
  "tiled32",
  "tiled64",
  "subgroups",
  "fused32",
  "fused64",
];

/** What is computed. The gradient of the weights, whose sums are over all pixels, has the first three variants. */
export type Use = "forward" | "input" | "filter";

/** A product of `rows` × `columns`, with the sums of a gather as one of its factors. */
export interface Problem {
  use: Use;
  gather: Gather;
  rows: number;
  columns: number;
}

export function problemOf(use: Use, gather: Gather): Problem {
  const { images, outSize, outChannels, inChannels, slots } = gather;
  const rows = use === "filter" ? slots.length * 4 * fours(inChannels) : images * volume(outSize);
  return { use, gather, rows, columns: outChannels };
}

/** Rows and columns of the tile of a workgroup. */
export function tileSide(variant: Variant): 32 | 64 {
  return variant.endsWith("32") ? 32 : 64;
}

export const isFused = (variant: Variant): boolean => variant.startsWith("fused");

/** What decides on a device which variants there are. */
export interface Abilities {
  /** Whether the device is a program for the CPU. */
  software: boolean;
  subgroups: boolean;
  /** Bytes of workgroup memory that a shader may take. */
  memory: number;
}

/** More workgroup memory would leave a multiprocessor with few workgroups. */
const MAX_WORKGROUP_MEMORY = 32768;

export function abilitiesOf(backend: WebGPUBackend): Abilities {
  const { features, limits } = backend.device;
  return {
    software: isSoftware(backend),
    subgroups: features.has("subgroups"),
    memory: Math.min(MAX_WORKGROUP_MEMORY, limits.maxComputeWorkgroupStorageSize),
  };
}

/** Whether a variant can compute a problem: fused ones need room for a patch of the image in workgroup memory. */
export function fits(variant: Variant, { use, gather }: Problem, { subgroups, memory }: Abilities): boolean {
  if (variant === "subgroups") return subgroups && use !== "filter";
  return !isFused(variant) || (use !== "filter" && patchFor(gather, tileSide(variant), memory) !== undefined);
}

/** Fewer workgroups leave a large GPU idle. */
const MIN_WORKGROUPS = 128;

/**
 * The rule where nothing was measured. Programs for the CPU compute directly: barriers make their threads take turns.
 * GPUs take large tiles where these are many enough and not mostly empty. Workgroups make the sums themselves where they
 * are made for at most two tiles of columns, so not for many output channels, and a patch fits; this saves writing and
 * reading the sums, `slots` times the size of the image.
 */
export function choose(problem: Problem, abilities: Abilities): Variant {
  if (abilities.software) return "direct";
  const { rows, columns } = problem;
  const workgroups = Math.ceil(rows / 64) * Math.ceil(columns / 64);
  // The gradient of the weights is cut into as many chunks as are needed.
  const many = problem.use === "filter" || workgroups >= MIN_WORKGROUPS;
  const side = columns > 32 && rows > 32 && many ? 64 : 32;
  const fused = `fused${side}` as const;
  return Math.ceil(columns / side) <= 2 && fits(fused, problem, abilities) ? fused : `tiled${side}`;
}

/** All that can compute a problem. */
export function candidates(problem: Problem, abilities: Abilities): Variant[] {
  return VARIANTS.filter((variant) => fits(variant, problem, abilities));
}

/** A convolution that was computed, and how to compute it again on new inputs of the same shapes. */
export interface Call {
  /** Names the problem. */
  key: string;
  problem: Problem;
  compute: (inputs: readonly tf.TensorInfo[]) => tf.TensorInfo;
  inputs: readonly tf.TensorInfo[];
}

const measured = new WeakMap<WebGPUBackend, Map<string, Variant>>();
let forced: Variant | undefined;
let recorder: ((call: Call) => void) | undefined;

/** Remembers the fastest variant for a problem on a backend. */
export function remember(backend: WebGPUBackend, key: string, variant: Variant): void {
  const known = measured.get(backend) ?? new Map<string, Variant>();
  measured.set(backend, known.set(key, variant));
}

/** What was remembered. */
export function remembered(backend: WebGPUBackend, key: string): Variant | undefined {
  return measured.get(backend)?.get(key);
}

/** Takes one variant for all problems that it can compute, until called with undefined. */
export function forceVariant(variant: Variant | undefined): void {
  forced = variant;
}

/** Calls `record` for every convolution until it is called again with undefined. */
export function recordCalls(record: ((call: Call) => void) | undefined): void {
  recorder = record;
}

/** The variant for a call: forced, measured or by rule. */
export function variantFor(backend: WebGPUBackend, call: Call): Variant {
  recorder?.(call);
  const abilities = abilitiesOf(backend);
  if (forced && fits(forced, call.problem, abilities)) return forced;
  return remembered(backend, call.key) ?? choose(call.problem, abilities);
}

/** Such as `forward x[4,1,32,32,64] y[4,1,32,32,64] slots 5/69 steps 1,1,1/1,1,1`. */
export function describe({ use, gather }: Problem): string {
  const { images, inSize, inChannels, outSize, outChannels, slots, taps, strides, step, paddedSize } = gather;
  return [
    use,
    `x[${[images, ...inSize, inChannels]}]`,
    `y[${[images, ...outSize, outChannels]}]`,
    `padded[${paddedSize}]`,
    `slots ${slots.length}/${taps.flat().length}`,
    `steps ${strides}/${step}`,
  ].join(" ");
}
