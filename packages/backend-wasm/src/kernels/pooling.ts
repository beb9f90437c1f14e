// Pooling: what the stock backend computes wrongly (maxima of negative numbers: MaxPoolGrad, MaxPool3D, MaxPool3DGrad;
// averages of large windows, whose sums lose digits) or slowly (AvgPoolGrad, AvgPool3D, AvgPool3DGrad).

import { kernelConfig } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { type KernelName, kernelsOf, type WasmKernels } from "../module.ts";

type Shape4 = [number, number, number, number];
type Shape5 = [number, number, number, number, number];
type Triple = [number, number, number];

interface PoolAttrs extends tf.NamedAttrMap {
  filterSize: number | [number, number];
  strides: number | [number, number];
  pad: "valid" | "same" | number | tf.backend_util.ExplicitPadding;
  dimRoundingMode?: "floor" | "round" | "ceil";
}

interface Pool3DAttrs extends tf.NamedAttrMap {
  filterSize: number | Triple;
  strides: number | Triple;
  pad: "valid" | "same" | number;
  dimRoundingMode?: "floor" | "round" | "ceil";
}

/** Sizes as the kernels take them, depth, height, width. */
interface PoolShape {
  images: number;
  channels: number;
  inSize: Triple;
  outSize: Triple;
  filter: Triple;
  strides: Triple;
  pad: Triple;
}

function shape2D(inShape: number[], { filterSize, strides, pad, dimRoundingMode }: PoolAttrs): PoolShape {
  const info = tf.backend_util.computePool2DInfo(
    inShape as Shape4,
    filterSize,
    strides,
    1,
    pad,
    dimRoundingMode,
  );
  return {
    images: info.batchSize,
    channels: info.inChannels,
    inSize: [1, info.inHeight, info.inWidth],
    outSize: [1, info.outHeight, info.outWidth],
    filter: [1, info.filterHeight, info.filterWidth],
    strides: [1, info.strideHeight, info.strideWidth],
    pad: [0, info.padInfo.top, info.padInfo.left],
  };
}

function shape3D(inShape: number[], { filterSize, strides, pad, dimRoundingMode }: Pool3DAttrs): PoolShape {
  const info = tf.backend_util.computePool3DInfo(
    inShape as Shape5,
    filterSize,
    strides,
    1,
    pad,
    dimRoundingMode,
  );
  return {
    images: info.batchSize,
    channels: info.inChannels,
    inSize: [info.inDepth, info.inHeight, info.inWidth],
    outSize: [info.outDepth, info.outHeight, info.outWidth],
    filter: [info.filterDepth, info.filterHeight, info.filterWidth],
    strides: [info.strideDepth, info.strideHeight, info.strideWidth],
    pad: [info.padInfo.front, info.padInfo.top, info.padInfo.left],
  };
}

const volume = ([depth, height, width]: Triple): number => depth * height * width;

/** Runs a kernel, threads sharing the images. `tensors`: those of the output's size, or the input's, in order. */
function run(
  kernels: WasmKernels,
  name: KernelName,
  shape: PoolShape,
  tensors: readonly (readonly [tensor: tf.TensorInfo, of: "in" | "out"])[],
  extra: readonly number[] = [],
): void {
  const { images, channels, inSize, outSize, filter, strides, pad } = shape;
  const bytes = { in: 4 * volume(inSize) * channels, out: 4 * volume(outSize) * channels };
  const places = tensors.map(([tensor, of]) => [kernels.address(tensor), bytes[of]]);
  const threads = kernels.threadsFor(images * bytes.out * volume(filter));
  kernels.split(name, images, threads, (begin, end) => [
    ...places.map(([address, size]) => address + begin * size),
    end - begin,
    ...inSize,
    ...outSize,
    channels,
    ...filter,
    ...strides,
    ...pad,
    ...extra,
  ]);
}

interface GradInputs {
  dy: tf.TensorInfo;
  input: tf.TensorInfo;
}

interface MaxGradInputs extends GradInputs {
  output: tf.TensorInfo;
}

function maxGradient(
  kernels: WasmKernels,
  { dy, input, output }: MaxGradInputs,
  shape: PoolShape,
): tf.TensorInfo {
  const dx = kernels.output(input.shape);
  run(kernels, "maxPoolGradient", shape, [
    [dy, "out"],
    [input, "in"],
    [output, "out"],
    [dx, "in"],
  ]);
  return dx;
}

/** Every position of a window gets the same share: what the stock gradient expects, see the gradient of AvgPool. */
function averageGradient(kernels: WasmKernels, { dy, input }: GradInputs, shape: PoolShape): tf.TensorInfo {
  const dx = kernels.output(input.shape);
  const share = 1 / volume(shape.filter);
  run(
    kernels,
    "avgPoolGradient",
    shape,
    [
      [dy, "out"],
      [dx, "in"],
    ],
    [share],
  );
  return dx;
}

function average(
  kernels: WasmKernels,
  x: tf.TensorInfo,
  shape: PoolShape,
  outShape: number[],
): tf.TensorInfo {
  const y = kernels.output(outShape);
  run(kernels, "avgPool", shape, [
    [x, "in"],
    [y, "out"],
  ]);
  return y;
}

/** Positions of a window from which on its sum is taken in float64. */
const LARGE_WINDOW = 64;

/** To be called before the kernels are replaced, since the stock one, which small windows keep, is asked for here. */
export function avgPoolConfig(): tf.KernelConfig {
  const stock = tf.getKernel(tf.AvgPool, "wasm");
  return kernelConfig<{ x: tf.TensorInfo }, PoolAttrs>(
    { name: tf.AvgPool },
    "wasm",
    ({ x }, attrs, backend) => {
      const shape = shape2D(x.shape, attrs);
      if (volume(shape.filter) < LARGE_WINDOW) return stock.kernelFunc({ inputs: { x }, attrs, backend });
      const [, height, width] = shape.outSize;
      return average(kernelsOf(backend), x, shape, [shape.images, height, width, shape.channels]);
    },
  );
}

export const avgPool3DConfig = kernelConfig<{ x: tf.TensorInfo }, Pool3DAttrs>(
  { name: tf.AvgPool3D },
  "wasm",
  ({ x }, attrs, backend) => {
    const shape = shape3D(x.shape, attrs);
    return average(kernelsOf(backend), x, shape, [shape.images, ...shape.outSize, shape.channels]);
  },
);

export const maxPool3DConfig = kernelConfig<{ x: tf.TensorInfo }, Pool3DAttrs>(
  { name: tf.MaxPool3D },
  "wasm",
  ({ x }, attrs, backend) => {
    const kernels = kernelsOf(backend);
    const shape = shape3D(x.shape, attrs);
    const y = kernels.output([shape.images, ...shape.outSize, shape.channels]);
    run(kernels, "maxPool", shape, [
      [x, "in"],
      [y, "out"],
    ]);
    return y;
  },
);

export const maxPoolGradConfig = kernelConfig<MaxGradInputs, PoolAttrs>(
  { name: tf.MaxPoolGrad },
  "wasm",
  (inputs, attrs, backend) => maxGradient(kernelsOf(backend), inputs, shape2D(inputs.input.shape, attrs)),
);

export const maxPool3DGradConfig = kernelConfig<MaxGradInputs, Pool3DAttrs>(
  { name: tf.MaxPool3DGrad },
  "wasm",
  (inputs, attrs, backend) => maxGradient(kernelsOf(backend), inputs, shape3D(inputs.input.shape, attrs)),
);

export const avgPoolGradConfig = kernelConfig<GradInputs, PoolAttrs>(
  { name: tf.AvgPoolGrad },
  "wasm",
  (inputs, attrs, backend) => averageGradient(kernelsOf(backend), inputs, shape2D(inputs.input.shape, attrs)),
);

export const avgPool3DGradConfig = kernelConfig<GradInputs, Pool3DAttrs>(
  { name: tf.AvgPool3DGrad },
  "wasm",
  (inputs, attrs, backend) => averageGradient(kernelsOf(backend), inputs, shape3D(inputs.input.shape, attrs)),
);
