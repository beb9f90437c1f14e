// Pooling: what the stock backend computes wrongly (maxima of negative numbers: MaxPoolGrad, MaxPool3D, MaxPool3DGrad;
// averages of large windows, whose sums lose digits) or slowly (AvgPoolGrad, AvgPool3D, AvgPool3DGrad).

import {
  kernelConfig,
  overrideKernel,
  type Pool2DKernelAttrs,
  type Pool3DKernelAttrs,
  type PoolShape,
  pool2DShape,
  pool3DShape,
  type Size3,
} from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { type KernelName, kernelsOf, type WasmKernels } from "../module.ts";

const volume = ([depth, height, width]: Size3): number => depth * height * width;

/** Runs a kernel, threads sharing the images. `tensors`: those of the output's size, or the input's, in order. */
function run(
  kernels: WasmKernels,
  name: KernelName,
  shape: PoolShape,
  tensors: readonly (readonly [tensor: tf.TensorInfo, of: "in" | "out"])[],
  extra: readonly number[] = [],
): void {
  const { images, channels, inSize, outSize, filter, strides, padBefore } = shape;
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
    ...padBefore,
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

/** The stock kernel keeps small windows. */
export const avgPoolKernel = overrideKernel(tf.AvgPool, "wasm", (args, stock) => {
  const x = args.inputs.x as tf.TensorInfo;
  const shape = pool2DShape(x.shape, args.attrs as Pool2DKernelAttrs);
  if (volume(shape.filter) < LARGE_WINDOW) return stock(args);
  const [, height, width] = shape.outSize;
  return average(kernelsOf(args.backend), x, shape, [shape.images, height, width, shape.channels]);
});

export const avgPool3DConfig = kernelConfig<{ x: tf.TensorInfo }, Pool3DKernelAttrs>(
  { name: tf.AvgPool3D },
  "wasm",
  ({ x }, attrs, backend) => {
    const shape = pool3DShape(x.shape, attrs);
    return average(kernelsOf(backend), x, shape, [shape.images, ...shape.outSize, shape.channels]);
  },
);

export const maxPool3DConfig = kernelConfig<{ x: tf.TensorInfo }, Pool3DKernelAttrs>(
  { name: tf.MaxPool3D },
  "wasm",
  ({ x }, attrs, backend) => {
    const kernels = kernelsOf(backend);
    const shape = pool3DShape(x.shape, attrs);
    const y = kernels.output([shape.images, ...shape.outSize, shape.channels]);
    run(kernels, "maxPool", shape, [
      [x, "in"],
      [y, "out"],
    ]);
    return y;
  },
);

export const maxPoolGradConfig = kernelConfig<MaxGradInputs, Pool2DKernelAttrs>(
  { name: tf.MaxPoolGrad },
  "wasm",
  (inputs, attrs, backend) => maxGradient(kernelsOf(backend), inputs, pool2DShape(inputs.input.shape, attrs)),
);

export const maxPool3DGradConfig = kernelConfig<MaxGradInputs, Pool3DKernelAttrs>(
  { name: tf.MaxPool3DGrad },
  "wasm",
  (inputs, attrs, backend) => maxGradient(kernelsOf(backend), inputs, pool3DShape(inputs.input.shape, attrs)),
);

export const avgPoolGradConfig = kernelConfig<GradInputs, Pool2DKernelAttrs>(
  { name: tf.AvgPoolGrad },
  "wasm",
  (inputs, attrs, backend) =>
    averageGradient(kernelsOf(backend), inputs, pool2DShape(inputs.input.shape, attrs)),
);

export const avgPool3DGradConfig = kernelConfig<GradInputs, Pool3DKernelAttrs>(
  { name: tf.AvgPool3DGrad },
  "wasm",
  (inputs, attrs, backend) =>
    averageGradient(kernelsOf(backend), inputs, pool3DShape(inputs.input.shape, attrs)),
);
