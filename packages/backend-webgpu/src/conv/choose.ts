// Which variant computes a convolution.

import type * as tf from "@tensorflow/tfjs";
import type { Problem } from "./problem.ts";
import { type Abilities, fits, type Variant } from "./variants.ts";

/** Fewer workgroups leave a large GPU idle. */
const MIN_WORKGROUPS = 128;

/**
 * The rule where nothing was measured. Groups are computed directly. Software adapters compute directly: at barriers their threads take turns. GPUs
 * take large tiles where there are enough of them and they are not mostly empty. Workgroups make the sums themselves
 * where a patch fits and each sum is made for at most two tiles of columns, that is, for few output channels; this
 * saves writing and reading the sums, `slots` times the size of the image.
 */
export function choose(problem: Problem, abilities: Abilities): Variant {
  if (abilities.software || (problem.gather.groups ?? 1) > 1) return "direct";
  const { rows, columns } = problem;
  const workgroups = Math.ceil(rows / 64) * Math.ceil(columns / 64);
  // The gradient of the weights is cut into as many chunks as needed.
  const many = problem.use === "filter" || workgroups >= MIN_WORKGROUPS;
  const side = columns > 32 && rows > 32 && many ? 64 : 32;
  const fused = `fused${side}` as const;
  return Math.ceil(columns / side) <= 2 && fits(fused, problem, abilities) ? fused : `tiled${side}`;
}

/** A convolution that was computed, and how to compute it again on new inputs of the same shapes. */
export interface Call {
  /** Names the problem. */
  key: string;
  problem: Problem;
  compute: (inputs: readonly tf.TensorInfo[]) => tf.TensorInfo;
  inputs: readonly tf.TensorInfo[];
}

/** Chooses the variants of one device: what was measured, otherwise by the rule. */
export class VariantChooser {
  readonly abilities: Abilities;
  /** The fastest variants, by the keys of the problems that they were measured for. */
  readonly measured = new Map<string, Variant>();
  /** Chosen for every problem that it can compute, whatever was measured. */
  forced: Variant | undefined;
  /** Called for every convolution. */
  recorder: ((call: Call) => void) | undefined;

  constructor(abilities: Abilities) {
    this.abilities = abilities;
  }

  variantFor(call: Call): Variant {
    this.recorder?.(call);
    const { forced, abilities } = this;
    if (forced && fits(forced, call.problem, abilities)) return forced;
    return this.measured.get(call.key) ?? choose(call.problem, abilities);
  }
}
