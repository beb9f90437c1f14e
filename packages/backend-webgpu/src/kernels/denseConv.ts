// conv3d and the gradients of conv2d and conv3d. The stock backend has them with a thread that does one multiplication
// at a time. A dense convolution is a ring convolution in which every kernel position is a ring of its own. Numbers of
// another type than float32 are left to the stock kernels.

import {
  type Conv2DKernelAttrs,
  type Conv3DKernelAttrs,
  type ConvShape,
  conv2DShape,
  conv3DShape,
  type KernelOverride,
  overrideKernel,
} from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { backendOf, isSoftware } from "../backend.ts";
import { filterGradient, forward, inputGradient } from "../conv/convolve.ts";

interface ForwardInputs {
  x: tf.TensorInfo;
  filter: tf.TensorInfo;
}

interface FilterGradInputs {
  x: tf.TensorInfo;
  dy: tf.TensorInfo;
}

interface InputGradInputs {
  dy: tf.TensorInfo;
  filter: tf.TensorInfo;
}

const outputShape = ({ images, outSize, outChannels }: ConvShape, rank: 2 | 3): number[] => [
  images,
  ...outSize.slice(3 - rank),
  outChannels,
];

/** A stock kernel with ours in its place where `applies`: never for channels first or other types. */
function replaced<Inputs, Attrs>(
  kernelName: string,
  applies: (backend: object) => boolean,
  compute: (inputs: Inputs, attrs: Attrs, backend: object) => tf.TensorInfo,
): KernelOverride {
  return overrideKernel(kernelName, "webgpu", (args, stock) => {
    const { dataFormat = "NHWC" } = args.attrs as unknown as Partial<Conv2DKernelAttrs>;
    const tensors = Object.values(args.inputs) as tf.TensorInfo[];
    const plain = /^N(HW|DHW)C$/.test(dataFormat) && tensors.every(({ dtype }) => dtype === "float32");
    if (!plain || !applies(args.backend)) return stock(args);
    return compute(args.inputs as Inputs, args.attrs as Attrs, args.backend);
  });
}

const always = (): boolean => true;

export const denseConvKernels = [
  replaced<ForwardInputs, Conv3DKernelAttrs>(tf.Conv3D, always, ({ x, filter }, attrs, backend) => {
    const shape = conv3DShape(x.shape, filter.shape, attrs);
    return forward(backendOf(backend), shape, x, filter, outputShape(shape, 3));
  }),
  replaced<FilterGradInputs, Conv3DKernelAttrs & { filterShape: number[] }>(
    tf.Conv3DBackpropFilterV2,
    always,
    ({ x, dy }, attrs, backend) => {
      const shape = conv3DShape(x.shape, attrs.filterShape, attrs);
      return filterGradient(backendOf(backend), shape, x, dy, attrs.filterShape);
    },
  ),
  replaced<InputGradInputs, Conv3DKernelAttrs & { inputShape: number[] }>(
    tf.Conv3DBackpropInputV2,
    always,
    ({ dy, filter }, attrs, backend) => {
      const shape = conv3DShape(attrs.inputShape, filter.shape, attrs);
      return inputGradient(backendOf(backend), shape, dy, filter, attrs.inputShape);
    },
  ),
  replaced<ForwardInputs, Conv2DKernelAttrs & { dilations: number | [number, number] }>(
    tf.Conv2D,
    isSoftware,
    ({ x, filter }, attrs, backend) => {
      const shape = conv2DShape(x.shape, filter.shape, attrs.dilations, attrs);
      return forward(backendOf(backend), shape, x, filter, outputShape(shape, 2));
    },
  ),
  replaced<FilterGradInputs, Conv2DKernelAttrs & { filterShape: number[] }>(
    tf.Conv2DBackpropFilter,
    always,
    ({ x, dy }, attrs, backend) => {
      const shape = conv2DShape(x.shape, attrs.filterShape, 1, attrs);
      return filterGradient(backendOf(backend), shape, x, dy, attrs.filterShape);
    },
  ),
  replaced<InputGradInputs, Conv2DKernelAttrs & { inputShape: number[] }>(
    tf.Conv2DBackpropInput,
    always,
    ({ dy, filter }, attrs, backend) => {
      const shape = conv2DShape(attrs.inputShape, filter.shape, 1, attrs);
      return inputGradient(backendOf(backend), shape, dy, filter, attrs.inputShape);
    },
  ),
];
