// Gradients of stock ops that TensorFlow.js lacks or gets wrong, made of ops that are right on every backend.

import { product } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { backendTraits } from "./backendTraits.ts";
import { LeakyReluGrad } from "./kernels/leakyRelu.ts";
import {
  type Pool2DKernelAttrs,
  type Pool3DKernelAttrs,
  type PoolShape,
  pool2DShape,
  pool3DShape,
} from "./kernels/poolShape.ts";

type GradFunc = (dy: tf.Tensor, saved: tf.Tensor[], attrs: tf.NamedAttrMap) => tf.Tensor;

/** The gradients of a stock kernel, by the names of its inputs. */
export interface StockGradient {
  kernelName: string;
  /** Names of the inputs that the gradients need. */
  inputsToSave: string[];
  /** Whether they need the output too. */
  outputsToSave?: [boolean];
  gradFuncs: Record<string, GradFunc>;
}

export const STOCK_GRADIENTS: readonly StockGradient[] = [
  // conv3dTranspose has no stock gradient.
  {
    kernelName: tf.Conv3DBackpropInputV2,
    inputsToSave: ["dy", "filter"],
    gradFuncs: {
      dy: (ddx, [, filter], attrs) => {
        const { strides, pad } = attrs as unknown as Conv3DAttrs;
        return tf.conv3d(ddx as tf.Tensor5D, filter as tf.Tensor5D, strides, pad);
      },
      filter: (ddx, [dy, filter], attrs) => {
        const { strides, pad } = attrs as unknown as Conv3DAttrs;
        const filterShape = filter.shape;
        return tf
          .engine()
          .runKernel(tf.Conv3DBackpropFilterV2, { x: ddx, dy }, { strides, pad, filterShape });
      },
    },
  },
  // The stock gradient takes three kernels.
  {
    kernelName: tf.LeakyRelu,
    inputsToSave: ["x"],
    gradFuncs: {
      x: (dy, [x], attrs) => {
        const { name } = LeakyReluGrad;
        if (x.dtype === "float32" && tf.getKernel(name, tf.getBackend()))
          return tf.engine().runKernel(name, { dy, x }, attrs);
        return tf.where(x.greater(0), dy, dy.mul(attrs.alpha as number));
      },
    },
  },
  // Average pooling divides by the positions of a window inside the image; its stock gradient divides by all of them,
  // except in the native library.
  {
    kernelName: tf.AvgPool,
    inputsToSave: ["x"],
    gradFuncs: {
      x: (dy, [x], attrs) => {
        const { filterSize, strides, pad } = attrs;
        const scaled = byShare(dy, pool2DShape(x.shape, attrs as Pool2DKernelAttrs));
        return tf.engine().runKernel(tf.AvgPoolGrad, { dy: scaled, input: x }, { filterSize, strides, pad });
      },
    },
  },
  {
    kernelName: tf.AvgPool3D,
    inputsToSave: ["x"],
    gradFuncs: {
      x: (dy, [x], attrs) => {
        const { filterSize, strides, pad, dimRoundingMode } = attrs;
        const scaled = byShare(dy, pool3DShape(x.shape, attrs as Pool3DKernelAttrs));
        const poolAttrs = { filterSize, strides, pad, dimRoundingMode };
        return tf.engine().runKernel(tf.AvgPool3DGrad, { dy: scaled, input: x }, poolAttrs);
      },
    },
  },
  // The stock CPU backend misplaces maxima in windows whose height and width differ.
  {
    kernelName: tf.MaxPool3D,
    inputsToSave: ["x"],
    outputsToSave: [true],
    gradFuncs: { x: (dy, [x, y], attrs) => maxPool3DGradient(dy, x, y, attrs as unknown as MaxPool3DAttrs) },
  },
  // The stock CPU backend swaps height and width in the shape of this gradient.
  {
    kernelName: tf.ResizeBilinear,
    inputsToSave: ["images"],
    gradFuncs: {
      images: (dy, [images], attrs) =>
        tf.engine().runKernel<tf.Tensor>(tf.ResizeBilinearGrad, { dy, images }, attrs).reshape(images.shape),
    },
  },
  // Repeating every position: the gradient sums the repeats. The stock CPU backend's is wrong.
  {
    kernelName: tf.ResizeNearestNeighbor,
    inputsToSave: ["images"],
    gradFuncs: {
      images: (dy, [images], attrs) => {
        const { alignCorners, halfPixelCenters } = attrs;
        const factors = [1, 2].map((axis) => dy.shape[axis] / images.shape[axis]) as [number, number];
        if (alignCorners || halfPixelCenters || !factors.every(Number.isInteger)) {
          return tf.engine().runKernel(tf.ResizeNearestNeighborGrad, { dy, images }, attrs);
        }
        return tf.avgPool(dy as tf.Tensor4D, factors, factors, "valid").mul(product(factors));
      },
    },
  },
];

/** Ops on two tensors, one of which may be smaller. */
const BROADCASTING = [
  ...[tf.Add, tf.Sub, tf.Multiply, tf.RealDiv, tf.FloorDiv, tf.Mod],
  ...[tf.Pow, tf.Prelu, tf.Atan2],
];

/**
 * The gradients of stock ops on two tensors of which the larger may be empty: the smaller one's gradient is then zero.
 * The stock gradients ignore an axis of size zero when they look for broadcast axes.
 */
export function broadcastingGradients(): tf.GradConfig[] {
  return BROADCASTING.flatMap((name) => {
    const stock = tf.getGradient(name);
    if (!stock) return [];
    return {
      ...stock,
      gradFunc: (dy, saved, attrs) => {
        if ((Array.isArray(dy) ? dy[0] : dy).size > 0) return stock.gradFunc(dy, saved, attrs);
        const inputs = stock.inputsToSave ?? [];
        return Object.fromEntries(inputs.map((input, i) => [input, () => tf.zerosLike(saved[i])]));
      },
    };
  });
}

interface Conv3DAttrs {
  strides: [number, number, number];
  pad: "valid" | "same";
}

type Triple = [number, number, number];

interface MaxPool3DAttrs {
  filterSize: number | Triple;
  strides: number | Triple;
  pad: "valid" | "same" | number;
  dimRoundingMode?: "floor" | "round" | "ceil";
}

/** Where the stock kernel may be wrong, a maximum over planes and one over depth are differentiated instead. */
function maxPool3DGradient(dy: tf.Tensor, x: tf.Tensor, y: tf.Tensor, attrs: MaxPool3DAttrs): tf.Tensor {
  const run = (
    kernel: string,
    dy: tf.Tensor,
    input: tf.Tensor,
    output: tf.Tensor,
    attrs: object,
  ): tf.Tensor => tf.engine().runKernel(kernel, { dy, input, output }, attrs as tf.NamedAttrMap);
  const { filterSize, strides, pad } = attrs;
  const [depth, height, width] = triple(filterSize);
  if (height === width) return run(tf.MaxPool3DGrad, dy, x, y, attrs);
  if (typeof pad === "number") {
    const sides: [number, number][] = x.shape.map((_, axis) => (axis > 0 && axis < 4 ? [pad, pad] : [0, 0]));
    const padded = x.pad(sides, Number.NEGATIVE_INFINITY);
    const dPadded = maxPool3DGradient(dy, padded, y, { filterSize, strides, pad: "valid" });
    return dPadded.slice(
      sides.map(([before]) => before),
      x.shape,
    );
  }
  const [stride, ...planeStrides] = triple(strides);
  const ofPlanes = { filterSize: [height, width], strides: planeStrides, pad };
  const [n, d, ...plane] = x.shape;
  const planes = x.reshape([n * d, ...plane]);
  const maxima = tf.engine().runKernel<tf.Tensor>(tf.MaxPool, { x: planes }, ofPlanes as tf.NamedAttrMap);
  const volumes = maxima.reshape([n, d, ...maxima.shape.slice(1)]);
  const ofDepth = { filterSize: [depth, 1, 1], strides: [stride, 1, 1], pad };
  const dMaxima = run(tf.MaxPool3DGrad, dy, volumes, y, ofDepth).reshape(maxima.shape);
  return run(tf.MaxPoolGrad, dMaxima, planes, maxima, ofPlanes).reshape(x.shape);
}

const triple = (size: number | Triple): Triple => (typeof size === "number" ? [size, size, size] : size);

/** For each output along an axis: the size of its window divided by how many of its positions lie inside the image. */
function windowShares(input: number, output: number, filter: number, stride: number, pad: number): number[] {
  return Array.from({ length: output }, (_, i) => {
    const begin = i * stride - pad;
    return filter / Math.max(1, Math.min(input, begin + filter) - Math.max(0, begin));
  });
}

/** dy [N, ...out, C] times a factor per position, the product over its axes, if the kernel needs it. */
export function byShare(dy: tf.Tensor, shape: PoolShape, power: 1 | -1 = 1): tf.Tensor {
  if (backendTraits().averagesInside) return dy;
  const { inSize, outSize, filter, strides, padBefore } = shape;
  let scaled = dy;
  for (const axis of [0, 1, 2].slice(5 - dy.rank)) {
    const factors = windowShares(inSize[axis], outSize[axis], filter[axis], strides[axis], padBefore[axis]);
    if (factors.every((factor) => factor === 1)) continue;
    const along = dy.shape.map((_, at) => (at === axis + dy.rank - 4 ? factors.length : 1));
    scaled = scaled.mul(
      tf.tensor(
        factors.map((factor) => factor ** power),
        along,
      ),
    );
  }
  return scaled;
}
