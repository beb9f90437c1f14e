// Sums of many numbers: adding float32 one by one loses digits each time, so that a mean over a large image is off by
// several percent. Equal numbers are the worst case, since all roundings point the same way.

import { product } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { batchNormTraining } from "../batchNorm.ts";
import { checkAndDispose, type Expected } from "./compare.ts";
import { type ConformanceCase, defineCase } from "./conformanceCase.ts";

/** Not powers of two, which lose nothing. */
const VALUES = [0.1, 1 / 3, 1.7];

interface SumProblem {
  name: string;
  shape: number[];
  /** What has the value of every number of x, at every position. */
  compute: (x: tf.Tensor) => tf.Tensor;
  kernels: string[];
}

const mean = (shape: number[], axis?: number[], keepDims = false): SumProblem => ({
  name: `mean of [${shape}] over ${axis ? `axes ${axis}` : "all axes"}${keepDims ? ", axes kept" : ""}`,
  shape,
  compute: (x) => x.mean(axis, keepDims),
  kernels: [tf.Mean],
});

const sum = (shape: number[], axis: number[]): SumProblem => ({
  name: `sum of [${shape}] over axes ${axis}`,
  shape,
  compute: (x) => x.sum(axis).div(product(axis.map((a) => shape[a]))),
  kernels: [tf.Sum],
});

const PROBLEMS: readonly SumProblem[] = [
  mean([1, 224, 224, 64], [1, 2]),
  mean([1, 1024, 1024, 4], [1, 2]),
  mean([2048, 2048]),
  mean([3, 100_003, 3], [1], true),
  sum([4, 1 << 18], [1]),
  sum([1 << 18, 5], [0]),
  sum([2, 1009, 3, 1024], [1, 3]),
  sum([64, 1, 64, 7, 64], [0, 2, 4]),
  {
    name: "average pooling with windows as large as images of [1024, 1024]",
    shape: [1, 1024, 1024, 3],
    compute: (x) => tf.avgPool(x as tf.Tensor4D, 1024, 1024, "valid"),
    kernels: [tf.AvgPool],
  },
  {
    name: "average pooling with windows of 65×33, padded",
    shape: [2, 128, 100, 5],
    compute: (x) => tf.avgPool(x as tf.Tensor4D, [65, 33], [32, 20], "same"),
    kernels: [tf.AvgPool],
  },
  {
    name: "average pooling with long windows side by side",
    shape: [1, 200_001, 1, 2],
    compute: (x) => tf.avgPool(x as tf.Tensor4D, [100_000, 1], [100_000, 1], "valid"),
    kernels: [tf.AvgPool],
  },
  {
    name: "average pooling of volumes with windows of 64×32×32",
    shape: [1, 64, 64, 64, 3],
    compute: (x) => tf.avgPool3d(x as tf.Tensor5D, [64, 32, 32], [64, 32, 32], "valid"),
    kernels: [tf.AvgPool3D],
  },
  {
    name: "the mean of batch normalisation over [2048, 2048]",
    shape: [1, 2048, 2048, 1],
    compute: (x) => batchNormTraining(x, tf.ones([1]), tf.zeros([1])).mean,
    kernels: [],
  },
];

/** Sums, means, averages and moments at any size. */
export function sumCases(): ConformanceCase[] {
  return [
    ...PROBLEMS.map(({ name, shape, compute, kernels }) =>
      defineCase(
        name,
        async () => {
          for (const value of VALUES) {
            const y = tf.tidy(() => compute(tf.fill(shape, value)));
            await checkAndDispose(`${name}, all ${value}`, "sum", y, filled(y.shape, value));
          }
        },
        kernels,
      ),
    ),
    defineCase("a sum of more ones than float32 can count", async () => {
      const y = tf.tidy(() => tf.ones([4200, 4200]).sum());
      await checkAndDispose("the sum of 17,640,000 ones", "sum", y, filled([], 4200 ** 2));
    }, [tf.Sum]),
    defineCase("sums of other types, of nothing and of single numbers", otherSums, [tf.Sum, tf.Mean]),
    defineCase("windows of averages on any sides", averages, [tf.AvgPool, tf.AvgPool3D]),
  ];
}

const filled = (shape: readonly number[], value: number): Expected => ({
  data: new Float32Array(product(shape)).fill(value),
  shape,
});

async function otherSums(): Promise<void> {
  const cases: [what: string, compute: () => tf.Tensor, expected: Expected][] = [
    [
      "the mean of whole numbers",
      () => tf.tensor([1, 2, 4, 8], [2, 2], "int32").mean(0),
      { data: [2.5, 5], shape: [2] },
    ],
    ["the mean of truth values", () => tf.tensor([true, false, true, true]).mean(), filled([], 0.75)],
    [
      "the mean of many whole numbers",
      () => tf.fill([1000, 1000, 3], 201, "int32").mean([0, 1]),
      filled([3], 201),
    ],
    ["the sum of whole numbers", () => tf.tensor([1, 2, 4], [3], "int32").sum(), filled([], 7)],
    ["a sum over no rows", () => tf.zeros([0, 3]).sum(0), filled([3], 0)],
    ["a sum over the last of no axes", () => tf.zeros([2, 0]).sum(1, true), filled([2, 1], 0)],
    ["a sum of no images", () => tf.zeros([0, 4, 3]).sum(1), filled([0, 3], 0)],
    ["the sum of one number", () => tf.scalar(3).sum(), filled([], 3)],
    ["a sum over axes of one", () => tf.fill([2, 1, 3], 0.5).sum(1), filled([2, 3], 0.5)],
    ["a mean over negative axes", () => tf.fill([2, 3, 300], 0.5).mean([-1, -2]), filled([2], 0.5)],
  ];
  for (const [what, compute, expected] of cases) {
    await checkAndDispose(what, "output", tf.tidy(compute), expected);
  }
}

type Pooled = { data: ArrayLike<number>; shape: number[] };

/** Windows of more than 64 positions, with and without overhang. */
async function averages(): Promise<void> {
  const shapes = [
    { shape: [2, 23, 30, 3], windows: [11, 9], strides: [4, 5] },
    { shape: [1, 6, 12, 9, 6], windows: [4, 5, 6], strides: [1, 3, 2] },
  ];
  for (const { shape, windows, strides } of shapes) {
    for (const pad of ["same", "valid"] as const) {
      const x = tf.randomNormal(shape, 0, 1, "float32", 5);
      const given: Pooled = { data: await x.data(), shape };
      const expected = windows.reduce((y, window, i) => {
        return averageAlong(y, i + 1, placesOf(shape[i + 1], window, strides[i], pad));
      }, given);
      const [p, q, r] = windows;
      const [a, b, c] = strides;
      const y = tf.tidy(() =>
        windows.length === 2
          ? tf.avgPool(x as tf.Tensor4D, [p, q], [a, b], pad)
          : tf.avgPool3d(x as tf.Tensor5D, [p, q, r], [a, b, c], pad),
      );
      x.dispose();
      await checkAndDispose(
        `averages over windows [${windows}], strides [${strides}], ${pad}`,
        "output",
        y,
        expected,
      );
    }
  }
}

/** The part of the map seen by windows along one axis. */
function placesOf(size: number, window: number, stride: number, pad: "same" | "valid"): [number, number][] {
  const count = pad === "same" ? Math.ceil(size / stride) : Math.floor((size - window) / stride) + 1;
  const margin = pad === "same" ? Math.max(0, (count - 1) * stride + window - size) : 0;
  return Array.from({ length: count }, (_, i) => {
    const begin = i * stride - Math.floor(margin / 2);
    return [Math.max(0, begin), Math.min(size, begin + window)];
  });
}

/** Averages along one axis; several axes are averaged in turn. */
function averageAlong({ data, shape }: Pooled, axis: number, places: readonly [number, number][]): Pooled {
  const [outer, inner] = [shape.slice(0, axis), shape.slice(axis + 1)].map(product);
  const result = new Float64Array(outer * places.length * inner);
  for (let at = 0; at < result.length; at++) {
    const [o, i] = [Math.floor(at / inner / places.length), at % inner];
    const [begin, end] = places[Math.floor(at / inner) % places.length];
    for (let j = begin; j < end; j++) result[at] += data[(o * shape[axis] + j) * inner + i] / (end - begin);
  }
  return { data: result, shape: shape.with(axis, places.length) };
}
