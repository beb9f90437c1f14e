// conv3d and the gradients of conv2d and conv3d. The stock backend has them with a thread that does one multiplication
// at a time. A dense convolution is a ring convolution in which every kernel position is a ring of its own. Numbers of
// another type than float32 are left to the stock kernels.

import { kernelConfig } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { backendOf, isSoftware } from "../backend.ts";
import { filterGradient, forward, inputGradient } from "../conv/convolve.ts";
import type { ConvShape } from "../conv/gather.ts";

type Shape4 = [number, number, number, number];
type Shape5 = [number, number, number, number, number];

interface Conv2DAttrs extends tf.NamedAttrMap {
  strides: number | [number, number];
  pad: "valid" | "same" | number | tf.backend_util.ExplicitPadding;
  dataFormat: "NHWC" | "NCHW";
  dimRoundingMode?: "floor" | "round" | "ceil";
}

interface Conv3DAttrs extends tf.NamedAttrMap {
  strides: number | [number, number, number];
  pad: "valid" | "same";
  dilations?: number | [number, number, number];
}

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

function shape2D(
  inShape: number[],
  filterShape: number[],
  dilations: number | [number, number],
  { strides, pad, dimRoundingMode }: Conv2DAttrs,
): ConvShape {
  const info = tf.backend_util.computeConv2DInfo(
    inShape as Shape4,
    filterShape as Shape4,
    strides,
    dilations,
    pad,
    dimRoundingMode,
  );
  return {
    images: info.batchSize,
    inSize: [1, info.inHeight, info.inWidth],
    inChannels: info.inChannels,
    outSize: [1, info.outHeight, info.outWidth],
    outChannels: info.outChannels,
    kernelSize: [1, info.filterHeight, info.filterWidth],
    strides: [1, info.strideHeight, info.strideWidth],
    dilations: [1, info.dilationHeight, info.dilationWidth],
    padBefore: [0, info.padInfo.top, info.padInfo.left],
    matrices: info.filterHeight * info.filterWidth,
  };
}

function shape3D(
  inShape: number[],
  filterShape: number[],
  { strides, pad, dilations = 1 }: Conv3DAttrs,
): ConvShape {
  const info = tf.backend_util.computeConv3DInfo(
    inShape as Shape5,
    filterShape as Shape5,
    strides,
    dilations,
    pad,
  );
  return {
    images: info.batchSize,
    inSize: [info.inDepth, info.inHeight, info.inWidth],
    inChannels: info.inChannels,
    outSize: [info.outDepth, info.outHeight, info.outWidth],
    outChannels: info.outChannels,
    kernelSize: [info.filterDepth, info.filterHeight, info.filterWidth],
    strides: [info.strideDepth, info.strideHeight, info.strideWidth],
    dilations: [info.dilationDepth, info.dilationHeight, info.dilationWidth],
    padBefore: [info.padInfo.front, info.padInfo.top, info.padInfo.left],
    matrices: info.filterDepth * info.filterHeight * info.filterWidth,
  };
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
): tf.KernelConfig {
  const stock = tf.getKernel(kernelName, "webgpu");
  const ours = kernelConfig<Inputs, Attrs>({ name: kernelName }, "webgpu", compute);
  return {
    ...stock,
    kernelFunc: (args) => {
      const { dataFormat = "NHWC" } = args.attrs as unknown as Partial<Conv2DAttrs>;
      const tensors = Object.values(args.inputs) as tf.TensorInfo[];
      const plain = /^N(HW|DHW)C$/.test(dataFormat) && tensors.every(({ dtype }) => dtype === "float32");
      return (plain && applies(args.backend) ? ours : stock).kernelFunc(args);
    },
  };
}

const always = (): boolean => true;

/** To be called before the kernels are replaced, since the stock ones are asked for here. */
export function denseConvConfigs(): tf.KernelConfig[] {
  return [
    replaced<ForwardInputs, Conv3DAttrs>(tf.Conv3D, always, ({ x, filter }, attrs, backend) => {
      const shape = shape3D(x.shape, filter.shape, attrs);
      return forward(backendOf(backend), shape, x, filter, outputShape(shape, 3));
    }),
    replaced<FilterGradInputs, Conv3DAttrs & { filterShape: Shape5 }>(
      tf.Conv3DBackpropFilterV2,
      always,
      ({ x, dy }, attrs, backend) => {
        const shape = shape3D(x.shape, attrs.filterShape, attrs);
        return filterGradient(backendOf(backend), shape, x, dy, attrs.filterShape);
      },
    ),
    replaced<InputGradInputs, Conv3DAttrs & { inputShape: Shape5 }>(
      tf.Conv3DBackpropInputV2,
      always,
      ({ dy, filter }, attrs, backend) => {
        const shape = shape3D(attrs.inputShape, filter.shape, attrs);
        return inputGradient(backendOf(backend), shape, dy, filter, attrs.inputShape);
      },
    ),
    replaced<ForwardInputs, Conv2DAttrs & { dilations: number | [number, number] }>(
      tf.Conv2D,
      isSoftware,
      ({ x, filter }, attrs, backend) => {
        const shape = shape2D(x.shape, filter.shape, attrs.dilations, attrs);
        return forward(backendOf(backend), shape, x, filter, outputShape(shape, 2));
      },
    ),
    replaced<FilterGradInputs, Conv2DAttrs & { filterShape: Shape4 }>(
      tf.Conv2DBackpropFilter,
      always,
      ({ x, dy }, attrs, backend) => {
        const shape = shape2D(x.shape, attrs.filterShape, 1, attrs);
        return filterGradient(backendOf(backend), shape, x, dy, attrs.filterShape);
      },
    ),
    replaced<InputGradInputs, Conv2DAttrs & { inputShape: Shape4 }>(
      tf.Conv2DBackpropInput,
      always,
      ({ dy, filter }, attrs, backend) => {
        const shape = shape2D(attrs.inputShape, filter.shape, 1, attrs);
        return inputGradient(backendOf(backend), shape, dy, filter, attrs.inputShape);
      },
    ),
  ];
}
