// The gradients of the dense `conv2d` where the stock kernels fail. Those refuse numeric padding; padding with a name
// is left to them, since only for it do the native ops have fast implementations. And oneDNN's gradient of a strided
// 1×1 filter is wrong on processors with AVX2, and reads out of bounds on those with AVX-512.

import type { KernelOverride } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import type { ConvWindow, Native, NativeOps } from "../nativeOps.ts";
import { node, runNativeSingle } from "../state.ts";
import { productOfRows } from "../sumRows.ts";

type Shape4 = [number, number, number, number];
type ConvAttrs = Pick<tf.Conv2DBackpropInputAttrs, "strides" | "pad" | "dataFormat" | "dimRoundingMode">;

/**
 * A stock kernel, replaced by ours if the padding is numeric or `always` says so.
 * @param sizes the shapes of the convolution's input and filter
 */
function extended<Inputs, Attrs extends ConvAttrs>(
  kernelName: string,
  sizes: (inputs: Inputs, attrs: Attrs) => [input: Shape4, filter: Shape4],
  compute: (inputs: Inputs, window: ConvWindow, ops: NativeOps, sizes: [Shape4, Shape4]) => Native,
  always: (window: ConvWindow, filter: Shape4) => boolean = () => false,
): KernelOverride {
  return node.override<Inputs, Attrs>(kernelName, (inputs, attrs, state, stock) => {
    if (attrs.dataFormat !== "NHWC") return stock();
    const shapes = sizes(inputs, attrs);
    const window = windowOf(...shapes, attrs);
    const ours = () => runNativeSingle(state, (ops) => compute(inputs, window, ops, shapes));
    if (always(window, shapes[1])) return ours();
    if (typeof attrs.pad === "string") return stock();
    const pad = (["same", "valid"] as const).find(
      (name) => String(windowOf(...shapes, { ...attrs, pad: name }).padding) === String(window.padding),
    );
    return pad ? stock({ attrs: { pad } as Partial<Attrs> }) : ours();
  });
}

const isStridedPoint = ({ strides }: ConvWindow, [height, width]: Shape4): boolean =>
  height === 1 && width === 1 && Math.max(...strides) > 1;

export const denseGradientKernels = [
  extended<{ dy: tf.TensorInfo; filter: tf.TensorInfo }, ConvAttrs & { inputShape: Shape4 }>(
    tf.Conv2DBackpropInput,
    ({ filter }, { inputShape }) => [inputShape, filter.shape as Shape4],
    ({ dy, filter }, window, ops, [inputShape]) =>
      ops.convBackpropInput(inputShape, ops.input(filter), ops.input(dy), window),
  ),
  extended<{ x: tf.TensorInfo; dy: tf.TensorInfo }, ConvAttrs & { filterShape: Shape4 }>(
    tf.Conv2DBackpropFilter,
    ({ x }, { filterShape }) => [x.shape as Shape4, filterShape],
    ({ x, dy }, window, ops, [, filterShape]) =>
      isStridedPoint(window, filterShape)
        ? pointFilterGradient(ops, ops.input(x), ops.input(dy), window)
        : ops.convBackpropFilter(ops.input(x), filterShape, ops.input(dy), window),
    isStridedPoint,
  ),
];

/** The gradient of a 1×1 filter, [1, 1, Cin, Cout]: the product of the pixels it reads and dy. */
function pointFilterGradient(
  ops: NativeOps,
  x: Native,
  dy: Native,
  { strides, padding }: ConvWindow,
): Native {
  const padded = ops.pad(x, [[0, 0], ...padding, [0, 0]]);
  const read = ops.subsample(padded, [1, ...strides, 1]);
  const [inputs, outputs] = [x.shape[3], dy.shape[3]];
  const rows = dy.shape[0] * dy.shape[1] * dy.shape[2];
  const product = productOfRows(ops, ops.reshape(read, [rows, inputs]), ops.reshape(dy, [rows, outputs]));
  return ops.reshape(product, [1, 1, inputs, outputs]);
}

function windowOf(
  inputShape: Shape4,
  filterShape: Shape4,
  { strides, pad, dimRoundingMode }: ConvAttrs,
): ConvWindow {
  const { strideHeight, strideWidth, padInfo } = tf.backend_util.computeConv2DInfo(
    inputShape,
    filterShape,
    strides,
    1,
    pad,
    dimRoundingMode,
  );
  return {
    strides: [strideHeight, strideWidth],
    padding: [
      [padInfo.top, padInfo.bottom],
      [padInfo.left, padInfo.right],
    ],
  };
}
