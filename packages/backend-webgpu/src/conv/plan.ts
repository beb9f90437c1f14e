// From a convolution to a plan: its gather, with the tables that the shaders read on the device.

import { GmrError } from "@gmr-conv/core";
import {
  type BoundedCache,
  type ConvShape,
  type ConvUse,
  type Gather,
  gatherOf,
  keyOf,
  type Size3,
} from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import { type Patch, patchFor } from "./patch.ts";
import { describe, type Problem, problemOf } from "./problem.ts";
import type { TileSide } from "./tile.ts";

export interface Plan {
  problem: Problem;
  /** Names the problem. */
  key: string;
  /** See {@link tapTable}. */
  taps: tf.TensorInfo;
  /** Weight matrix of each slot. */
  slots: tf.TensorInfo;
  /** Slot of each weight matrix, -1 for none. */
  slotOf: tf.TensorInfo;
  /** Of the fused variants, by the side of their tiles. */
  patches: Map<TileSide, PatchPlan>;
}

/** A patch, and the table of the taps in it. */
export interface PatchPlan {
  patch: Patch;
  taps: tf.TensorInfo;
}

/** What remembers plans and puts their tables on a device. */
interface PlanOwner {
  readonly plans: BoundedCache<string, Plan>;
  table(values: readonly number[]): tf.TensorInfo;
}

/** All tensors of a plan. */
export const tablesOf = ({ taps, slots, slotOf, patches }: Plan): tf.TensorInfo[] => [
  taps,
  slots,
  slotOf,
  ...[...patches.values()].map((plan) => plan.taps),
];

export function planFor(owner: PlanOwner, shape: ConvShape, use: ConvUse): Plan {
  return owner.plans.get(keyOf(shape, use), () => {
    const gather = gatherOf(shape, use);
    const problem = problemOf(use, gather);
    const matrices = gather.slots.map(({ matrix }) => matrix);
    const slotOf = Array.from({ length: gather.matrices }, (_, matrix) => matrices.indexOf(matrix));
    return {
      problem,
      key: describe(problem),
      taps: owner.table(tapTable(gather, gather.paddedSize)),
      slots: owner.table(matrices.length > 0 ? matrices : [0]), // no buffer may be empty
      slotOf: owner.table(slotOf),
      patches: new Map(),
    };
  });
}

/** What a fused variant of a plan needs; it must fit. @param memory bytes of workgroup memory */
export function patchOf(owner: PlanOwner, plan: Plan, side: TileSide, memory: number): PatchPlan {
  const found = plan.patches.get(side);
  if (found) return found;
  const { gather } = plan.problem;
  const patch = patchFor(gather, side, memory);
  if (!patch) throw new GmrError("internal", `no patch of ${plan.key} fits into workgroup memory`);
  const made = { patch, taps: owner.table(tapTable(gather, patch.size)) };
  plan.patches.set(side, made);
  return made;
}

/**
 * Where the taps of each slot begin in the table, where the last ones end, then the taps: their distances from an
 * output pixel's first one, in pixels of a source of size `[depth, height, width]`.
 */
function tapTable({ slots, dilations }: Gather, [, height, width]: Size3): number[] {
  const begins = [slots.length + 1];
  for (const { taps } of slots) begins.push(begins[begins.length - 1] + taps.length);
  const distances = slots.flatMap(({ taps }) =>
    taps.map(([z, y, x]) => (z * dilations[0] * height + y * dilations[1]) * width + x * dilations[2]),
  );
  return [...begins, ...distances];
}
