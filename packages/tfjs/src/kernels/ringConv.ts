// The kernels of ring convolutions. They take x as [N, ...spatial, C] with one to three spatial axes and *mixed* ring
// weights [L, Cin / groups, Cout], or [L, 1, C] where each channel is by itself; the ops handle the mixture, pad modes
// other than zeros, and the bias.

import * as tf from "@tensorflow/tfjs";
import { checkInfo, checkRingConv, type GroupedRingConvAttrs, type RingConvAttrs } from "./checks.ts";
import type { KernelDeclaration } from "./declaration.ts";
import { runKernel } from "./run.ts";

export type { GroupedRingConvAttrs, RingConvAttrs };

/** A ring convolution and its gradients. */
export interface RingKernels<Attrs extends RingConvAttrs> {
  forward: KernelDeclaration<Record<"x" | "weights", tf.TensorInfo>, Attrs>;
  /** With x, the gradient of the weights is likely to follow: a backend may compute both at once. */
  backpropInput: KernelDeclaration<
    Record<"dy" | "weights", tf.TensorInfo> & Partial<Record<"x", tf.TensorInfo>>,
    Attrs
  >;
  backpropFilter: KernelDeclaration<Record<"x" | "dy", tf.TensorInfo>, Attrs>;
}

/** x for `backpropInput`, unless that would make it one of the inputs that gradients of gradients are asked for. */
const given = (x: tf.Tensor) => (tf.engine().state.gradientDepth === 0 ? { x } : {});

/** Each of the three kernels is linear in both of its inputs, and its gradients are the other two. */
function declareKernels<Attrs extends RingConvAttrs>(
  name: string,
  kindOf: (attrs: Attrs) => "depthwise" | number = () => 1,
): RingKernels<Attrs> {
  const forward: RingKernels<Attrs>["forward"] = {
    name,
    check: ({ x, weights }, attrs) => checkRingConv({ input: x, weights }, attrs, kindOf(attrs)),
    gradient: {
      inputs: ["x", "weights"],
      compute: ([dy], [x, weights], attrs) => ({
        x: () => runKernel(backpropInput, { dy, weights, ...given(x) }, attrs),
        weights: () => runKernel(backpropFilter, { x, dy }, attrs),
      }),
    },
  };
  const backpropInput: RingKernels<Attrs>["backpropInput"] = {
    name: `${name}BackpropInput`,
    check: ({ dy, weights, x }, attrs) =>
      checkRingConv({ output: dy, weights, ...(x && { input: x }) }, attrs, kindOf(attrs)),
    gradient: {
      inputs: ["dy", "weights"],
      compute: ([ddx], [dy, weights], attrs) => ({
        dy: () => runKernel(forward, { x: ddx, weights }, attrs),
        weights: () => runKernel(backpropFilter, { x: ddx, dy }, attrs),
      }),
    },
  };
  const backpropFilter: RingKernels<Attrs>["backpropFilter"] = {
    name: `${name}BackpropFilter`,
    check: ({ x, dy }, attrs) => checkRingConv({ input: x, output: dy }, attrs, kindOf(attrs)),
    gradient: {
      inputs: ["x", "dy"],
      compute: ([ddw], [x, dy], attrs) => ({
        x: () => runKernel(backpropInput, { dy, weights: ddw }, attrs),
        dy: () => runKernel(forward, { x, weights: ddw }, attrs),
      }),
    },
  };
  return { forward, backpropInput, backpropFilter };
}

export const ring = declareKernels("RingConv");
export const position = declareKernels("PositionConv");
export const depthwise = declareKernels("DepthwiseRingConv", () => "depthwise");
export const grouped = declareKernels("GroupedRingConv", ({ groups }: GroupedRingConvAttrs) => groups);

/** y[N, ...out, Cout] = Σ_l S_l(x) · weights[l], with x [N, ...in, Cin] and weights [L, Cin, Cout]. */
export const RingConv = ring.forward;

/** y of {@link RingConv} plus bias [Cout], for backends that add it while y is in the cache. */
export const RingConvBias: KernelDeclaration<
  Record<"x" | "weights" | "bias", tf.TensorInfo>,
  RingConvAttrs
> = {
  name: "RingConvBias",
  check: ({ x, weights, bias }, attrs) => {
    checkRingConv({ input: x, weights }, attrs);
    checkInfo("bias", bias, weights.shape.slice(2));
  },
  gradient: {
    inputs: ["x", "weights"],
    compute: ([dy], [x, weights], attrs) => ({
      x: () => runKernel(RingConvBackpropInput, { dy, weights, ...given(x) }, attrs),
      weights: () => runKernel(RingConvBackpropFilter, { x, dy }, attrs),
      bias: () => dy.sum(dy.shape.slice(0, -1).map((_, axis) => axis)),
    }),
  },
};

/**
 * dx[N, ...in, Cin] = Σ_l S_lᵀ(dy · weights[l]ᵀ), with dy [N, ...out, Cout] and weights [L, Cin, Cout]. Where x
 * [N, ...in, Cin] is given as well, the gradient of the weights is likely to be asked for next: it can be made of the same
 * sums, since dW[l] = xᵀ · S_lᵀ(dy).
 */
export const RingConvBackpropInput = ring.backpropInput;

/** dW[L, Cin, Cout], dW[l] = S_l(x)ᵀ · dy, with x [N, ...in, Cin] and dy [N, ...out, Cout]. */
export const RingConvBackpropFilter = ring.backpropFilter;

/**
 * The three kernels above for positions that need not be symmetric, each with its own matrix: a dense convolution that
 * skips the positions outside all rings. Backends that do not rely on symmetry use the same code for both.
 */
export const PositionConv = position.forward;
export const PositionConvBackpropInput = position.backpropInput;
export const PositionConvBackpropFilter = position.backpropFilter;

/** y[N, ...out, C] = Σ_l S_l(x) · weights[l], channel by channel, with x [N, ...in, C] and weights [L, 1, C]. */
export const DepthwiseRingConv = depthwise.forward;

/** dx[N, ...in, C] = Σ_l S_lᵀ(dy · weights[l]), with dy [N, ...out, C] and weights [L, 1, C]. */
export const DepthwiseRingConvBackpropInput = depthwise.backpropInput;

/** dW[L, 1, C], dW[l] = Σ S_l(x) · dy over images and pixels, with x [N, ...in, C] and dy [N, ...out, C]. */
export const DepthwiseRingConvBackpropFilter = depthwise.backpropFilter;

/**
 * {@link RingConv} and its gradients in groups: channels [g · C / groups, (g + 1) · C / groups) of x and y belong to
 * group g, and weights are [L, Cin / groups, Cout].
 */
export const GroupedRingConv = grouped.forward;
export const GroupedRingConvBackpropInput = grouped.backpropInput;
export const GroupedRingConvBackpropFilter = grouped.backpropFilter;
