// From three convolutions to kernels. A backend implements y, dx and dW of a convolution whose kernel positions share
// weight matrices; the ring kernels follow, and those of stock dense convolutions, where each position has its own
// matrix.

import { checkKeys, type KeysOf } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import {
  type Conv2DKernelAttrs,
  type Conv3DKernelAttrs,
  type ConvShape,
  conv2DShape,
  conv3DShape,
  ringConvShape,
} from "./convShape.ts";
import type { BackendKernels, KernelOutput, KernelOverride } from "./register.ts";
import { depthwise, grouped, position, type RingConvAttrs, type RingKernels, ring } from "./ringConv.ts";

/** A backend's convolutions, on float32 tensors. The last argument is the shape of the result. */
export interface Convolutions<State> {
  /** y [N, ...out, Cout] of x [N, ...in, Cin] and weights [matrices, Cin, Cout]. */
  forward(
    state: State,
    shape: ConvShape,
    x: tf.TensorInfo,
    weights: tf.TensorInfo,
    yShape: number[],
  ): tf.TensorInfo;
  /** dx from dy and weights. @param x given where the gradient of the weights is likely to follow */
  inputGradient(
    state: State,
    shape: ConvShape,
    dy: tf.TensorInfo,
    weights: tf.TensorInfo,
    dxShape: number[],
    x?: tf.TensorInfo,
  ): tf.TensorInfo;
  /** dW from x and dy; zero for matrices that reach no pixel. */
  filterGradient(
    state: State,
    shape: ConvShape,
    x: tf.TensorInfo,
    dy: tf.TensorInfo,
    dwShape: number[],
  ): tf.TensorInfo;
}

const lastOf = ({ shape }: tf.TensorInfo): number => shape[shape.length - 1];

/** Kernels from three declarations. @param groupsOf the groups of a convolution to or from so many channels */
function kernelsOf<State, Attrs extends RingConvAttrs>(
  { kernel }: BackendKernels<State>,
  { forward, inputGradient, filterGradient }: Convolutions<State>,
  declared: RingKernels<Attrs>,
  groupsOf: (attrs: Attrs, channels: number) => number = () => 1,
): tf.KernelConfig[] {
  return [
    kernel(declared.forward, ({ x, weights }, attrs, state) => {
      const [images] = x.shape;
      const shape = ringConvShape(attrs, images, lastOf(x), lastOf(weights));
      return forward(state, shape, x, weights, [images, ...attrs.outputSize, lastOf(weights)]);
    }),
    kernel(declared.backpropInput, ({ dy, weights, x }, attrs, state) => {
      const [images] = dy.shape;
      const cin = weights.shape[1] * groupsOf(attrs, lastOf(dy));
      const shape = ringConvShape(attrs, images, cin, lastOf(dy));
      return inputGradient(state, shape, dy, weights, [images, ...attrs.inputSize, cin], x);
    }),
    kernel(declared.backpropFilter, ({ x, dy }, attrs, state) => {
      const [cin, cout] = [lastOf(x), lastOf(dy)];
      const shape = ringConvShape(attrs, x.shape[0], cin, cout);
      return filterGradient(state, shape, x, dy, [attrs.numRings, cin / groupsOf(attrs, cout), cout]);
    }),
  ];
}

/**
 * The kernels of ring convolutions, and of dense ones that leave positions out.
 * @param anyPositions whether the convolutions support asymmetric positions; default true. If not, the latter kernels
 *   are omitted.
 */
export function ringConvKernels<State>(
  kernels: BackendKernels<State>,
  convolutions: Convolutions<State>,
  anyPositions = true,
): tf.KernelConfig[] {
  return [
    ...kernelsOf(kernels, convolutions, ring),
    ...(anyPositions ? kernelsOf(kernels, convolutions, position) : []),
  ];
}

/** The kernels of ring convolutions of each channel by itself, from convolutions that take weights [matrices, 1, C]. */
export const depthwiseRingKernels = <State>(
  kernels: BackendKernels<State>,
  convolutions: Convolutions<State>,
): tf.KernelConfig[] => kernelsOf(kernels, convolutions, depthwise, (_attrs, channels) => channels);

/** The kernels of ring convolutions in groups, from convolutions that heed the `groups` of their shape. */
export const groupedRingKernels = <State>(
  kernels: BackendKernels<State>,
  convolutions: Convolutions<State>,
): tf.KernelConfig[] => kernelsOf(kernels, convolutions, grouped, ({ groups }) => groups);

type ForwardInputs = Record<"x" | "filter", tf.TensorInfo>;
type InputGradientInputs = Record<"dy" | "filter", tf.TensorInfo>;
type FilterGradientInputs = Record<"x" | "dy", tf.TensorInfo>;
type WithInputShape = { inputShape: number[] };
type WithFilterShape = { filterShape: number[] };

/** Which stock kernels {@link denseConvKernels} replaces. */
export interface DenseConvChoice<State> {
  /**
   * Whether a `conv2d` is replaced on a device; default: none is. Its gradients, and `conv3d` with its own, always are.
   */
  conv2d?: (state: State, shape: ConvShape) => boolean;
}

const CHOICE_KEYS: KeysOf<DenseConvChoice<never>> = { conv2d: true };

/** Stock dense convolutions; dtypes other than float32 and channels first are left to the stock kernels. */
export function denseConvKernels<State>(
  kernels: BackendKernels<State>,
  { forward, inputGradient, filterGradient }: Convolutions<State>,
  choice: DenseConvChoice<State> = {},
): KernelOverride[] {
  const { conv2d } = checkKeys("the options of denseConvKernels", choice, CHOICE_KEYS);
  /** A kernel that computes what its layout and dtypes allow, and leaves the rest to the stock kernel. */
  const dense = <Inputs extends Record<string, tf.TensorInfo>, Attrs extends object>(
    name: string,
    compute: (inputs: Inputs, attrs: Attrs, state: State, stock: () => KernelOutput) => KernelOutput,
  ): KernelOverride =>
    kernels.override<Inputs, Attrs>(name, (inputs, attrs, state, stock): KernelOutput => {
      const { dataFormat = "NHWC" } = attrs as Partial<Conv2DKernelAttrs>;
      const isPlain =
        /^N(HW|DHW)C$/.test(dataFormat) && Object.values(inputs).every(({ dtype }) => dtype === "float32");
      return isPlain ? compute(inputs, attrs, state, stock) : stock();
    });
  const outputShape = ({ images, outSize, outChannels }: ConvShape, rank: 2 | 3): number[] => [
    images,
    ...outSize.slice(3 - rank),
    outChannels,
  ];
  const found = [
    dense<ForwardInputs, Conv3DKernelAttrs>(tf.Conv3D, ({ x, filter }, attrs, state) => {
      const shape = conv3DShape(x.shape, filter.shape, attrs);
      return forward(state, shape, x, filter, outputShape(shape, 3));
    }),
    dense<InputGradientInputs, Conv3DKernelAttrs & WithInputShape>(
      tf.Conv3DBackpropInputV2,
      ({ dy, filter }, attrs, state) => {
        const shape = conv3DShape(attrs.inputShape, filter.shape, attrs);
        return inputGradient(state, shape, dy, filter, attrs.inputShape);
      },
    ),
    dense<FilterGradientInputs, Conv3DKernelAttrs & WithFilterShape>(
      tf.Conv3DBackpropFilterV2,
      ({ x, dy }, attrs, state) => {
        const shape = conv3DShape(x.shape, attrs.filterShape, attrs);
        return filterGradient(state, shape, x, dy, attrs.filterShape);
      },
    ),
    dense<InputGradientInputs, Conv2DKernelAttrs & WithInputShape>(
      tf.Conv2DBackpropInput,
      ({ dy, filter }, attrs, state) => {
        const shape = conv2DShape(attrs.inputShape, filter.shape, 1, attrs);
        return inputGradient(state, shape, dy, filter, attrs.inputShape);
      },
    ),
    dense<FilterGradientInputs, Conv2DKernelAttrs & WithFilterShape>(
      tf.Conv2DBackpropFilter,
      ({ x, dy }, attrs, state) => {
        const shape = conv2DShape(x.shape, attrs.filterShape, 1, attrs);
        return filterGradient(state, shape, x, dy, attrs.filterShape);
      },
    ),
  ];
  if (!conv2d) return found;
  type Attrs = Conv2DKernelAttrs & { dilations: number | [number, number] };
  const replaced = dense<ForwardInputs, Attrs>(tf.Conv2D, ({ x, filter }, attrs, state, stock) => {
    const shape = conv2DShape(x.shape, filter.shape, attrs.dilations, attrs);
    return conv2d(state, shape) ? forward(state, shape, x, filter, outputShape(shape, 2)) : stock();
  });
  return [...found, replaced];
}
