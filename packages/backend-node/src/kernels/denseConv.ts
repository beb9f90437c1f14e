// Dense convolutions of no images, which TensorFlow gives the shape of the input. The gradients of the dense `conv2d` with paddings that are given as numbers: the stock kernels refuse these. Paddings
// that have a name are passed on by it, since the native ops have fast implementations of those only.

import { product } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { type ConvWindow, type Native, type NativeOps, runNativeSingle } from "../nativeOps.ts";

type Shape4 = [number, number, number, number];
type ConvAttrs = Pick<tf.Conv2DBackpropInputAttrs, "strides" | "pad" | "dataFormat" | "dimRoundingMode">;

/**
 * A stock kernel with ours in its place where the padding is given as numbers.
 * @param sizes the shapes of the convolution's input and filter
 */
function extended<Inputs, Attrs extends ConvAttrs>(
  kernelName: string,
  sizes: (inputs: Inputs, attrs: Attrs) => [input: Shape4, filter: Shape4],
  compute: (inputs: Inputs, window: ConvWindow, ops: NativeOps, sizes: [Shape4, Shape4]) => Native,
): tf.KernelConfig {
  const stock = tf.getKernel(kernelName, "tensorflow");
  return {
    ...stock,
    kernelFunc: (args) => {
      const [inputs, attrs] = [args.inputs as Inputs, args.attrs as unknown as Attrs];
      if (typeof attrs.pad === "string" || attrs.dataFormat !== "NHWC") return stock.kernelFunc(args);
      const shapes = sizes(inputs, attrs);
      const window = windowOf(...shapes, attrs);
      const pad = (["same", "valid"] as const).find(
        (name) => String(windowOf(...shapes, { ...attrs, pad: name }).padding) === String(window.padding),
      );
      if (pad) return stock.kernelFunc({ ...args, attrs: { ...args.attrs, pad } });
      return runNativeSingle(args.backend, (ops) => compute(inputs, window, ops, shapes));
    },
  };
}

/** A stock convolution with another implementation where there are no numbers. */
function withEmpty(kernelName: string, outShape: (args: KernelArgs) => number[]): tf.KernelConfig {
  const stock = tf.getKernel(kernelName, "tensorflow");
  return {
    ...stock,
    kernelFunc: (args) => {
      if (product((args.inputs.x as tf.TensorInfo).shape) > 0) return stock.kernelFunc(args);
      return runNativeSingle(args.backend, (ops) => ops.fill(outShape(args), 0));
    },
  };
}

type KernelArgs = Parameters<tf.KernelFunc>[0];

function outShape2D({ inputs, attrs }: KernelArgs): number[] {
  const { strides, pad, dilations, dataFormat, dimRoundingMode } = attrs as unknown as tf.Conv2DAttrs;
  const { x, filter } = inputs as { x: tf.TensorInfo; filter: tf.TensorInfo };
  const format = tf.backend_util.convertConv2DDataFormat(dataFormat);
  const shapes = [x.shape as Shape4, filter.shape as Shape4] as const;
  const padding = pad as ConvAttrs["pad"];
  return tf.backend_util.computeConv2DInfo(
    ...shapes,
    strides,
    dilations,
    padding,
    dimRoundingMode,
    false,
    format,
  ).outShape;
}

function outShape3D({ inputs, attrs }: KernelArgs): number[] {
  const { strides, pad, dilations } = attrs as unknown as tf.Conv3DAttrs;
  const { x, filter } = inputs as { x: tf.TensorInfo; filter: tf.TensorInfo };
  type Shape5 = [number, number, number, number, number];
  const shapes = [x.shape as Shape5, filter.shape as Shape5] as const;
  return tf.backend_util.computeConv3DInfo(...shapes, strides, dilations, pad).outShape;
}

/** To be called before the kernels are replaced, since the stock ones are asked for here. */
export function denseConvConfigs(): tf.KernelConfig[] {
  return [
    withEmpty(tf.Conv2D, outShape2D),
    withEmpty(tf.Conv3D, outShape3D),
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
        ops.convBackpropFilter(ops.input(x), filterShape, ops.input(dy), window),
    ),
  ];
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
