// The gradients of the dense `conv2d` with paddings that are given as numbers: the stock kernels refuse these, though the
// native ops know them.

import { kernelConfig } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { type ConvWindow, runNativeSingle } from "../nativeOps.ts";

type Shape4 = [number, number, number, number];
type ConvAttrs = Pick<tf.Conv2DBackpropInputAttrs, "strides" | "pad" | "dataFormat" | "dimRoundingMode">;

/** A stock kernel with ours in its place where the padding is given as numbers. */
function extended<Inputs, Attrs extends ConvAttrs>(
  kernelName: string,
  compute: (inputs: Inputs, attrs: Attrs, backend: object) => tf.TensorInfo,
): tf.KernelConfig {
  const stock = tf.getKernel(kernelName, "tensorflow");
  const ours = kernelConfig<Inputs, Attrs>({ name: kernelName }, "tensorflow", compute);
  return {
    ...stock,
    kernelFunc: (args) => {
      const { pad, dataFormat } = args.attrs as unknown as ConvAttrs;
      return (typeof pad !== "string" && dataFormat === "NHWC" ? ours : stock).kernelFunc(args);
    },
  };
}

/** To be called before the kernels are replaced, since the stock ones are asked for here. */
export function denseConvConfigs(): tf.KernelConfig[] {
  return [
    extended<{ dy: tf.TensorInfo; filter: tf.TensorInfo }, ConvAttrs & { inputShape: Shape4 }>(
      tf.Conv2DBackpropInput,
      ({ dy, filter }, { inputShape, ...conv }, backend) => {
        const window = windowOf(inputShape, filter.shape as Shape4, conv);
        return runNativeSingle(backend, (ops) =>
          ops.convBackpropInput(inputShape, ops.input(filter), ops.input(dy), window),
        );
      },
    ),
    extended<{ x: tf.TensorInfo; dy: tf.TensorInfo }, ConvAttrs & { filterShape: Shape4 }>(
      tf.Conv2DBackpropFilter,
      ({ x, dy }, { filterShape, ...conv }, backend) => {
        const window = windowOf(x.shape as Shape4, filterShape, conv);
        return runNativeSingle(backend, (ops) =>
          ops.convBackpropFilter(ops.input(x), filterShape, ops.input(dy), window),
        );
      },
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
