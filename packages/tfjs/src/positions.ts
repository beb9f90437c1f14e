// The dense strategy on backends with kernels for chosen positions: positions on no ring, and the gaps of dilated
// kernels, are skipped rather than multiplied by zero.

import type { RingPartition } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { adjoint, kernelAttrs } from "./convAttrs.ts";
import { PositionConv, PositionConvBackpropInput } from "./kernels/ringConv.ts";
import { runKernel } from "./kernels/run.ts";
import type { ConvPlan } from "./options.ts";

/** Whether a dense kernel would hold zeros outside the rings. */
export function hasGaps({ partition, geometry, masks }: ConvPlan): boolean {
  if (masks) return false;
  return partition.index.includes(-1) || geometry.dilations.some((dilation) => dilation > 1);
}

/** Kernel positions that lie on a ring. */
export function positionsOnRings({ index }: RingPartition): number[] {
  return Array.from(index.keys()).filter((position) => index[position] >= 0);
}

/** x [N, ...in, Cin] with mixed weights [L, Cin, Cout], transposed [L, Cout, Cin] → [N, ...out, Cout]. */
export function positionConv(x: tf.Tensor, weights: tf.Tensor3D, plan: ConvPlan): tf.Tensor {
  const { partition, geometry } = plan;
  const positions = positionsOnRings(partition);
  const [rings, a, b] = weights.shape;
  const isOn = new Float32Array(positions.length * rings);
  const ringIndex = new Array<number>(partition.index.length).fill(-1);
  positions.forEach((position, slot) => {
    isOn[slot * rings + partition.index[position]] = 1;
    ringIndex[position] = slot;
  });
  const kernel = tf
    .matMul(tf.tensor2d(isOn, [positions.length, rings]), weights.reshape<tf.Tensor2D>([rings, a * b]))
    .reshape<tf.Tensor3D>([positions.length, a, b]);
  const of = { ringIndex, numRings: positions.length };
  return geometry.transposed
    ? runKernel(
        PositionConvBackpropInput,
        { dy: x, weights: kernel },
        { ...kernelAttrs(adjoint(plan)), ...of },
      )
    : runKernel(PositionConv, { x, weights: kernel }, { ...kernelAttrs(plan), ...of });
}
