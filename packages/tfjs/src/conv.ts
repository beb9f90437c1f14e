// The ops. Options are validated into a plan once; then data flows mixture → ring convolution → bias.

import { checkRank, type Rank } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { mustLeaveOut } from "./backendTraits.ts";
import { adjoint, kernelAttrs } from "./convAttrs.ts";
import { denseConv, denseConvTranspose } from "./dense.ts";
import { mendGradients } from "./gradients.ts";
import {
  DepthwiseRingConv,
  depthwise,
  GroupedRingConv,
  grouped,
  PositionConv,
  RingConv,
  type RingConvAttrs,
  RingConvBias,
  type RingKernels,
  ring,
} from "./kernels/ringConv.ts";
import { hasKernel, runKernel } from "./kernels/run.ts";
import { mixRingWeights } from "./mixture.ts";
import { type ConvPlan, type GmrConvOptions, type GmrConvTransposeOptions, planConv } from "./options.ts";
import { padSpatial } from "./padding.ts";
import { hasGaps, positionConv } from "./positions.ts";
import { repeatChannels } from "./repeatChannels.ts";
import { asForward, composedRingConv, foldedDepthwise } from "./ringSums.ts";
import { resolveStrategy } from "./strategy.ts";
import { tapwiseConv } from "./tapwise.ts";

/**
 * Gaussian mixture ring convolution in two dimensions: `y = Σ_l S_l(x) · W'_l + bias`, `W'_l = Σ_r G[r, l] w_r`,
 * where S_l(x) is the sum of the pixels on ring l (Du et al., arXiv 2504.02819). Differentiable in x, weights,
 * logSigmas, masks and bias on every backend. It turns and mirrors with x; with strides above 1, only on sizes where
 * windows lie symmetrically (`symmetricAxes` of `@gmr-conv/core`).
 *
 * @param x [N, H, W, Cin] or [H, W, Cin], float32
 * @param weights [R, Cin/groups, Cout], one matrix per ring; R is the number of rings
 * @returns [N, H', W', Cout], or [H', W', Cout]
 * @throws GmrError `invalid-shape` or `invalid-argument`, naming the value and what was expected; `unsupported` for
 *   masks with the ring strategy
 *
 * @example
 * const x = tf.randomNormal([1, 32, 32, 3]);
 * const weights = tf.randomNormal([5, 3, 8]); // a matrix for each of the 5 rings of a 9×9 kernel
 * const y = gmrConv2d(x, weights, { kernelSize: 9, pad: "same" }); // [1, 32, 32, 8]
 */
export function gmrConv2d<T extends tf.Tensor3D | tf.Tensor4D>(
  x: T,
  weights: tf.Tensor3D,
  options: GmrConvOptions,
): T {
  return gmrConv(2, x, weights, options);
}

/**
 * As {@link gmrConv2d}, in one dimension: the rings of a kernel are pairs of positions at the same distance.
 *
 * @param x [N, W, Cin] or [W, Cin]
 * @returns [N, W', Cout], or [W', Cout]
 *
 * @example
 * gmrConv1d(tf.zeros([1, 100, 2]), tf.zeros([3, 2, 4]), { kernelSize: 5, pad: "same" }); // [1, 100, 4]
 */
export function gmrConv1d<T extends tf.Tensor2D | tf.Tensor3D>(
  x: T,
  weights: tf.Tensor3D,
  options: GmrConvOptions,
): T {
  return gmrConv(1, x, weights, options);
}

/**
 * As {@link gmrConv2d}, in three dimensions: rings are spherical shells.
 *
 * @param x [N, D, H, W, Cin] or [D, H, W, Cin]
 * @returns [N, D', H', W', Cout], or [D', H', W', Cout]
 *
 * @example
 * gmrConv3d(tf.zeros([1, 16, 16, 16, 2]), tf.zeros([3, 2, 4]), { kernelSize: 5, pad: "same" }); // [1, 16, 16, 16, 4]
 */
export function gmrConv3d<T extends tf.Tensor4D | tf.Tensor5D>(
  x: T,
  weights: tf.Tensor3D,
  options: GmrConvOptions,
): T {
  return gmrConv(3, x, weights, options);
}

/**
 * Transposed Gaussian mixture ring convolution: the adjoint of {@link gmrConv2d} in x, which maps the sizes of its
 * output back to those of its input. `y = Σ_l S_lᵀ(x · W'_lᵀ) + bias`.
 *
 * @param x [N, H, W, Cin] or [H, W, Cin], float32
 * @param weights [R, Cout/groups, Cin]
 * @returns [N, H', W', Cout] or [H', W', Cout], H' = (H - 1) · stride + extent - 2 pad + outputPadding
 * @throws GmrError as {@link gmrConv2d}
 *
 * @example
 * const weights = tf.zeros([2, 4, 8]); // 2 rings, 4 output and 8 input channels
 * const sizes = { kernelSize: 3, strides: 2, pad: 1, outputPadding: 1 };
 * gmrConv2dTranspose(tf.zeros([1, 16, 16, 8]), weights, sizes); // [1, 32, 32, 4]
 */
export function gmrConv2dTranspose<T extends tf.Tensor3D | tf.Tensor4D>(
  x: T,
  weights: tf.Tensor3D,
  options: GmrConvTransposeOptions,
): T {
  return gmrConv(2, x, weights, options, true);
}

/** As {@link gmrConv2dTranspose}, in one dimension: x [N, W, Cin] or [W, Cin]. */
export function gmrConv1dTranspose<T extends tf.Tensor2D | tf.Tensor3D>(
  x: T,
  weights: tf.Tensor3D,
  options: GmrConvTransposeOptions,
): T {
  return gmrConv(1, x, weights, options, true);
}

/** As {@link gmrConv2dTranspose}, in three dimensions: x [N, D, H, W, Cin] or [D, H, W, Cin]. */
export function gmrConv3dTranspose<T extends tf.Tensor4D | tf.Tensor5D>(
  x: T,
  weights: tf.Tensor3D,
  options: GmrConvTransposeOptions,
): T {
  return gmrConv(3, x, weights, options, true);
}

/** {@link gmrConv2d} and its relatives as one function, for code that handles any number of axes. */
export function gmrConv<T extends tf.Tensor>(
  rank: Rank,
  x: T,
  weights: tf.Tensor3D,
  options: GmrConvOptions & GmrConvTransposeOptions,
  transposed = false,
): T {
  const plan = planConv(checkRank("rank", rank), x, weights, options, transposed);
  mendGradients();
  return tf.tidy(() => {
    const single = x.rank === rank + 1;
    const batch: tf.Tensor = single ? x.expandDims(0) : x;
    const mixed = options.logSigmas ? mixRingWeights(weights, options.logSigmas) : weights;
    const y = convolveGroups(batch, mixed, plan, options.bias);
    return (single ? y.squeeze([0]) : y) as T;
  });
}

function convolveGroups(
  x: tf.Tensor,
  weights: tf.Tensor3D,
  plan: ConvPlan,
  bias: tf.Tensor1D | undefined,
): tf.Tensor {
  if (plan.groups === 1) return convolveGroup(x, weights, plan, bias);
  const y = convolveEach(x, weights, plan);
  return bias ? y.add(bias) : y;
}

function convolveEach(input: tf.Tensor, weights: tf.Tensor3D, of: ConvPlan): tf.Tensor {
  const [x, plan] = padOther(input, of);
  const whole =
    (weights.shape[1] === 1 && convolveChannels(x, weights, plan)) || convolveAtOnce(x, weights, plan);
  if (whole) return whole;
  const axis = x.rank - 1;
  const inputs = tf.split(x, plan.groups, axis);
  const kernels = tf.split<tf.Tensor3D>(weights, plan.groups, 2);
  return tf.concat(
    inputs.map((input, g) => convolveGroup(input, kernels[g], plan)),
    axis,
  );
}

/** Pads x unless with zeros, which the convolution itself does. */
function padOther(x: tf.Tensor, plan: ConvPlan): [tf.Tensor, ConvPlan] {
  const { geometry } = plan;
  if (geometry.padMode === "zeros") return [x, plan];
  const padded = padSpatial(x, geometry.padding, geometry.padMode);
  const none = geometry.padding.map(() => [0, 0] as const);
  const inputSize = padded.shape.slice(1, -1);
  return [padded, { ...plan, geometry: { ...geometry, padMode: "zeros", padding: none, inputSize } }];
}

/** The ring kernel of a plan: its forward one or, transposed, the gradient of x. */
function convolveRings<Attrs extends RingConvAttrs>(
  { forward, backpropInput }: RingKernels<Attrs>,
  x: tf.Tensor,
  weights: tf.Tensor3D,
  plan: ConvPlan,
  attrsOf: (plan: ConvPlan) => Attrs,
): tf.Tensor {
  return plan.geometry.transposed
    ? runKernel(backpropInput, { dy: x, weights }, attrsOf(adjoint(plan)))
    : runKernel(forward, { x, weights }, attrsOf(plan));
}

/**
 * A planned convolution of each channel by itself, with mixed weights [R, 1, groups · m]: m channels of y for each of x,
 * or, transposed, m of x for each of y. Undefined where one call cannot compute it: without the kernel, in three
 * dimensions, or where pixels must be left out that a folded kernel multiplies by zero.
 */
function convolveChannels(x: tf.Tensor, weights: tf.Tensor3D, plan: ConvPlan): tf.Tensor | undefined {
  const { groups, geometry } = plan;
  const { transposed } = geometry;
  const isRing = plan.strategy !== "dense" && hasKernel(DepthwiseRingConv);
  const leavesOut = hasGaps(plan) && hasKernel(PositionConv);
  if (!isRing && (plan.rank === 3 || leavesOut || (transposed && plan.masks))) return undefined;
  if (!plan.masks && mustLeaveOut(x, isRing)) return undefined;
  const multiplier = weights.shape[2] / groups;
  const y = isRing
    ? convolveRings(depthwise, transposed ? x : repeatChannels(x, multiplier), weights, plan, kernelAttrs)
    : asForward(x, weights, plan, foldedDepthwise);
  if (!transposed || multiplier === 1) return y;
  return y.reshape([...y.shape.slice(0, -1), groups, multiplier]).sum(-1);
}

/** A planned convolution in groups by one kernel, unless the backend lacks it or another strategy is chosen. */
function convolveAtOnce(x: tf.Tensor, weights: tf.Tensor3D, plan: ConvPlan): tf.Tensor | undefined {
  const { groups } = plan;
  const [, a, b] = weights.shape;
  if (!hasKernel(GroupedRingConv) || mustLeaveOut(x, true)) return undefined;
  if (resolveStrategy(x, [a, b / groups], plan) === "dense") return undefined;
  return convolveRings(grouped, x, weights, plan, (of) => ({ ...kernelAttrs(of), groups }));
}

/** One group of a planned convolution, with weights already mixed. */
export function convolveGroup(
  input: tf.Tensor,
  weights: tf.Tensor3D,
  of: ConvPlan,
  bias?: tf.Tensor1D,
): tf.Tensor {
  const [x, plan] = padOther(input, of);
  const { transposed } = plan.geometry;
  const plusBias = (y: tf.Tensor): tf.Tensor => (bias ? y.add(bias) : y);
  const [, a, b] = weights.shape;
  const isDense = resolveStrategy(x, [a, b], plan) === "dense";
  // Neither stock kernels nor 0/1 masks can leave a pixel out: 0 · ∞ is NaN.
  if (!plan.masks && mustLeaveOut(x, !isDense)) {
    return plusBias(asForward(x, weights, plan, tapwiseConv));
  }
  if (isDense) {
    if (hasGaps(plan) && hasKernel(PositionConv)) return plusBias(positionConv(x, weights, plan));
    return plusBias(transposed ? denseConvTranspose(x, weights, plan) : denseConv(x, weights, plan));
  }
  if (!hasKernel(RingConv)) return plusBias(asForward(x, weights, plan, composedRingConv));
  if (bias && !transposed && hasKernel(RingConvBias)) {
    return runKernel(RingConvBias, { x, weights, bias }, kernelAttrs(plan));
  }
  return plusBias(convolveRings(ring, x, weights, plan, kernelAttrs));
}
