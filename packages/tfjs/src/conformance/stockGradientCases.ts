// Gradients of stock ops that some backends get wrong and networks need. Most ops are linear in x: applied to every
// unit image at once, an op yields its own matrix, and the gradient is the transpose of that matrix times dy. The
// gradient of a maximum goes to its position.

import { product, Random } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { mendGradients } from "../gradients.ts";
import { checkAndDispose } from "./compare.ts";
import { type ConformanceCase, defineCase } from "./conformanceCase.ts";

interface LinearOp {
  name: string;
  /** Of an image, without the batch axis. */
  shape: number[];
  /** Stock kernels that it needs, including its gradient's. */
  kernels: string[];
  apply: (x: tf.Tensor) => tf.Tensor;
}

const AVERAGE = [tf.AvgPool, tf.AvgPoolGrad];
const AVERAGE_3D = [tf.AvgPool3D, tf.AvgPool3DGrad];
const BILINEAR = [tf.ResizeBilinear, tf.ResizeBilinearGrad];
const IMAGE = [5, 6, 2];
const VOLUME = [3, 4, 5, 2];

const average = (size: [number, number], strides: number, pad: "same" | "valid"): LinearOp => ({
  name: `avgPool ${size}, strides ${strides}, ${pad}`,
  shape: IMAGE,
  kernels: AVERAGE,
  apply: (x) => tf.avgPool(x as tf.Tensor4D, size, strides, pad),
});

const average3d = (size: number, strides: number): LinearOp => ({
  name: `avgPool3d ${size}, strides ${strides}, same`,
  shape: VOLUME,
  kernels: AVERAGE_3D,
  apply: (x) => tf.avgPool3d(x as tf.Tensor5D, size, strides, "same"),
});

const bilinear = (size: [number, number], alignCorners: boolean): LinearOp => ({
  name: `resizeBilinear to ${size}${alignCorners ? ", corners aligned" : ""}`,
  shape: IMAGE,
  kernels: BILINEAR,
  apply: (x) => tf.image.resizeBilinear(x as tf.Tensor4D, size, alignCorners),
});

const OPS: readonly LinearOp[] = [
  average([2, 2], 2, "valid"),
  average([2, 2], 2, "same"),
  average([3, 3], 1, "same"),
  average([3, 2], 2, "same"),
  average3d(2, 2),
  average3d(3, 1),
  bilinear([10, 12], false),
  bilinear([9, 13], true),
  bilinear([3, 4], false),
  {
    name: "resizeNearestNeighbor to twice and three times the size",
    shape: IMAGE,
    kernels: [tf.ResizeNearestNeighbor],
    apply: (x) => tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [10, 18]),
  },
  {
    name: "conv3dTranspose, strides 2",
    shape: VOLUME,
    kernels: [tf.Conv3DBackpropInputV2, tf.Conv3D],
    apply: (x) => {
      const filter = tf.randomNormal<tf.Rank.R5>([2, 2, 2, 3, 2], 0, 1, "float32", 3);
      return tf.conv3dTranspose(x as tf.Tensor5D, filter, [x.shape[0], 6, 8, 10, 3], 2, "valid");
    },
  },
];

const MAXIMA: readonly { shape: number[]; windows: number[]; strides: number[] }[] = [
  { shape: [2, 7, 6, 3], windows: [3, 2], strides: [2, 2] },
  { shape: [1, 6, 5, 4], windows: [2, 4], strides: [3, 2] },
  { shape: [2, 6, 7, 6, 2], windows: [2, 3, 2], strides: [2, 2, 2] },
  { shape: [1, 5, 4, 7, 3], windows: [3, 2, 3], strides: [2, 2, 2] },
  { shape: [1, 5, 4, 7, 3], windows: [2, 1, 3], strides: [1, 1, 3] },
];

function maximumCase({ shape, windows, strides }: (typeof MAXIMA)[number]): ConformanceCase {
  const name = `the gradient of maxPool over [${shape}], windows [${windows}], strides [${strides}]`;
  const kernels = shape.length === 4 ? [tf.MaxPool, tf.MaxPoolGrad] : [tf.MaxPool3D, tf.MaxPool3DGrad];
  const pool = (x: tf.Tensor): tf.Tensor =>
    shape.length === 4
      ? tf.maxPool(x as tf.Tensor4D, windows as [number, number], strides as [number, number], "same")
      : tf.maxPool3d(
          x as tf.Tensor5D,
          windows as [number, number, number],
          strides as [number, number, number],
          "same",
        );
  return defineCase(
    name,
    async () => {
      mendGradients();
      // Distinct numbers, negative ones too, so that every maximum identifies its position.
      const count = product(shape);
      const order = Array.from({ length: count }, (_, i) => (i * 7919) % count);
      const x = tf.tensor(
        order.map((i) => i - 30),
        shape,
        "float32",
      );
      const y = tf.tidy(() => pool(x));
      const random = new Random(7);
      const gradY = Float32Array.from({ length: y.size }, () => random.normal());
      const maxima = await y.data();
      const data = new Float64Array(x.size);
      maxima.forEach((value, i) => {
        data[order.indexOf(Math.round(value) + 30)] += gradY[i];
      });
      const gradX = tf.tidy(() => tf.grad(pool)(x, tf.tensor(gradY, y.shape)));
      tf.dispose([x, y]);
      await checkAndDispose("the gradient of x", "gradient", gradX, { data, shape });
    },
    kernels,
  );
}

interface DepthwiseProblem {
  x: [number, number, number, number];
  /** [kH, kW, C, multiplier] */
  filter: [number, number, number, number];
  strides: [number, number];
  pad: "same" | "valid";
}

const DEPTHWISE: readonly DepthwiseProblem[] = [
  { x: [2, 5, 6, 4], filter: [3, 3, 4, 1], strides: [1, 1], pad: "same" },
  { x: [1, 7, 6, 21], filter: [3, 5, 21, 1], strides: [2, 2], pad: "same" },
  { x: [2, 6, 5, 3], filter: [2, 3, 3, 2], strides: [1, 1], pad: "valid" },
  { x: [1, 8, 9, 6], filter: [5, 4, 6, 3], strides: [3, 3], pad: "valid" },
  { x: [2, 3, 2, 5], filter: [9, 9, 5, 1], strides: [1, 1], pad: "same" },
];

/** Both gradients of a depthwise convolution, against loops over all its products. */
function depthwiseCase({ x: shape, filter, strides, pad }: DepthwiseProblem): ConformanceCase {
  const name = `the gradients of depthwiseConv2d, x [${shape}], filter [${filter}], strides ${strides}, ${pad}`;
  return defineCase(name, async () => {
    const random = new Random(9);
    const draw = (count: number) => Float32Array.from({ length: count }, () => random.normal());
    const info = tf.backend_util.computeConv2DInfo(shape, filter, strides, 1, pad, undefined, true);
    const [, outH, outW, outC] = info.outShape;
    const [images, inH, inW, channels] = shape;
    const [kernelH, kernelW, , multiplier] = filter;
    const values = {
      x: draw(product(shape)),
      filter: draw(product(filter)),
      dy: draw(product(info.outShape)),
    };
    const dx = new Float64Array(values.x.length);
    const dFilter = new Float64Array(values.filter.length);
    for (let at = 0; at < values.dy.length * kernelH * kernelW; at++) {
      const [tap, out] = [at % (kernelH * kernelW), Math.floor(at / (kernelH * kernelW))];
      const [q, ox] = [out % outC, Math.floor(out / outC) % outW];
      const [oy, n] = [Math.floor(out / outC / outW) % outH, Math.floor(out / outC / outW / outH)];
      const y = oy * strides[0] + Math.floor(tap / kernelW) - info.padInfo.top;
      const column = ox * strides[1] + (tap % kernelW) - info.padInfo.left;
      if (y < 0 || y >= inH || column < 0 || column >= inW || n >= images) continue;
      const from = ((n * inH + y) * inW + column) * channels + Math.floor(q / multiplier);
      dx[from] += values.dy[out] * values.filter[tap * outC + q];
      dFilter[tap * outC + q] += values.dy[out] * values.x[from];
    }
    const x = tf.tensor4d(values.x, shape);
    const weights = tf.tensor4d(values.filter, filter);
    const dy = tf.tensor4d(values.dy, info.outShape);
    const convolve = (a: tf.Tensor, b: tf.Tensor): tf.Tensor =>
      tf.depthwiseConv2d(a as tf.Tensor4D, b as tf.Tensor4D, strides, pad);
    const [gradX, gradFilter] = tf.grads(convolve)([x, weights], dy);
    tf.dispose([x, weights, dy]);
    await checkAndDispose("the gradient of x", "gradient", gradX, { data: dx, shape });
    await checkAndDispose("the gradient of the filter", "gradient", gradFilter, {
      data: dFilter,
      shape: filter,
    });
  }, [
    tf.DepthwiseConv2dNative,
    tf.DepthwiseConv2dNativeBackpropInput,
    tf.DepthwiseConv2dNativeBackpropFilter,
  ]);
}

interface PointProblem {
  x: [number, number, number, number];
  filters: number;
  strides: [number, number];
}

const POINTS: readonly PointProblem[] = [
  { x: [1, 9, 9, 1], filters: 9, strides: [1, 3] },
  { x: [1, 17, 9, 9], filters: 9, strides: [1, 3] },
  { x: [4, 16, 3, 5], filters: 4, strides: [3, 3] },
  { x: [2, 14, 14, 24], filters: 48, strides: [2, 2] },
];

/** The gradient of a strided 1×1 filter, by which networks shrink maps: the product of the pixels it reads and dy. */
function pointCase({ x: shape, filters, strides }: PointProblem): ConformanceCase {
  const name = `the gradient of a 1×1 filter, x [${shape}], ${filters} filters, strides ${strides}`;
  return defineCase(name, async () => {
    const random = new Random(11);
    const [images, height, width, channels] = shape;
    const [outH, outW] = [Math.ceil(height / strides[0]), Math.ceil(width / strides[1])];
    const draw = (count: number) => Float32Array.from({ length: count }, () => random.normal());
    const values = { x: draw(product(shape)), dy: draw(images * outH * outW * filters) };
    const data = new Float64Array(channels * filters);
    for (let at = 0; at < values.dy.length; at++) {
      const [f, out] = [at % filters, Math.floor(at / filters)];
      const [column, row] = [(out % outW) * strides[1], (Math.floor(out / outW) % outH) * strides[0]];
      const from = ((Math.floor(out / outW / outH) * height + row) * width + column) * channels;
      for (let c = 0; c < channels; c++) data[c * filters + f] += values.x[from + c] * values.dy[at];
    }
    const gradFilter = tf.tidy(() => {
      const x = tf.tensor4d(values.x, shape);
      const convolve = (w: tf.Tensor): tf.Tensor => tf.conv2d(x, w as tf.Tensor4D, strides, "valid");
      return tf.grad(convolve)(
        tf.zeros([1, 1, channels, filters]),
        tf.tensor(values.dy, [images, outH, outW, filters]),
      );
    });
    await checkAndDispose("the gradient of the filter", "gradient", gradFilter, {
      data,
      shape: [1, 1, channels, filters],
    });
  }, [tf.Conv2D, tf.Conv2DBackpropFilter]);
}

/** The gradients of stock ops that networks use. */
export function stockGradientCases(): ConformanceCase[] {
  return [
    ...OPS.map(linearCase),
    ...MAXIMA.map(maximumCase),
    ...DEPTHWISE.map(depthwiseCase),
    ...POINTS.map(pointCase),
  ];
}

function linearCase({ name, shape, kernels, apply }: LinearOp): ConformanceCase {
  return defineCase(
    `the gradient of ${name}`,
    async () => {
      mendGradients();
      const count = product(shape);
      const matrix = tf.tidy(() => apply(tf.eye(count).reshape([count, ...shape])));
      const columns = await matrix.data();
      const random = new Random(7);
      const gradY = Float32Array.from({ length: columns.length / count }, () => random.normal());
      const data = Float64Array.from({ length: count }, (_, i) =>
        gradY.reduce((sum, value, j) => sum + value * columns[i * gradY.length + j], 0),
      );
      const gradX = tf.tidy(() =>
        tf.grad(apply)(tf.zeros([1, ...shape]), tf.tensor(gradY, [1, ...matrix.shape.slice(1)])),
      );
      matrix.dispose();
      await checkAndDispose("the gradient of x", "gradient", gradX, { data, shape: [1, ...shape] });
    },
    kernels,
  );
}
