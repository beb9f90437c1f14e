// Integers and booleans, as in images from a camera or a file: moved, compared and computed with as on the CPU backend.
// Unless prevented, backends silently read them as floats.

import { product } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import type { ConformanceCase } from "./conformanceCase.ts";
import { sameAsOnCpu } from "./sameAsOnCpu.ts";

type Type = "int32" | "bool";

/** Large enough that none are left to the CPU for being small. */
const IMAGE = [1, 20, 24, 3];
const MATRIX = [40, 36];

function numbers(shape: number[], dtype: Type, step = 7): tf.Tensor {
  const values = Array.from({ length: product(shape) }, (_, i) => ((i * step) % 11) - 3);
  return tf.tensor(dtype === "bool" ? values.map((value) => Number(value > 0)) : values, shape, dtype);
}

const image = (dtype: Type, step?: number) => numbers(IMAGE, dtype, step) as tf.Tensor4D;
const matrix = (dtype: Type, step?: number) => numbers(MATRIX, dtype, step) as tf.Tensor2D;

/** Ops that move numbers, of either dtype. */
const MOVES: Readonly<Record<string, (dtype: Type) => tf.Tensor | tf.Tensor[]>> = {
  "turned images": (dtype) => [
    image(dtype).transpose([0, 2, 1, 3]),
    image(dtype).transpose([0, 2, 1, 3]).reverse(1),
    image(dtype).transpose([3, 0, 2, 1]),
  ],
  transposition: (dtype) => [
    matrix(dtype).transpose(),
    numbers([9, 11, 13], dtype).transpose([2, 0, 1]),
    numbers([3, 4, 5, 6, 7], dtype).transpose([4, 1, 2, 3, 0]),
  ],
  mirroring: (dtype) => [image(dtype).reverse(2), image(dtype).reverse([1, 2]), matrix(dtype).reverse(0)],
  parts: (dtype) => [
    image(dtype).slice([0, 1, 2, 0], [1, 17, 20, 2]),
    ...tf.split(matrix(dtype), 4, 0),
    ...tf.unstack(numbers([3, 30, 20], dtype)),
  ],
  "strided parts": (dtype) => [
    matrix(dtype).stridedSlice([0, 1], [40, 36], [2, 3]),
    matrix(dtype).stridedSlice([39, 0], [0, 36], [-3, 1]),
  ],
  joining: (dtype) => [
    tf.concat([matrix(dtype), matrix(dtype, 5)], 1),
    tf.concat([matrix(dtype), matrix(dtype, 5)], 0),
    tf.stack([matrix(dtype), matrix(dtype, 5)], 1),
  ],
  padding: (dtype) => [
    image(dtype).pad([
      [0, 0],
      [1, 2],
      [2, 0],
      [0, 0],
    ]),
    tf.mirrorPad(
      matrix(dtype),
      [
        [1, 1],
        [2, 2],
      ],
      "reflect",
    ),
  ],
  repeating: (dtype) => [matrix(dtype).tile([2, 3]), numbers([1, 36], dtype).broadcastTo([40, 36])],
  "rows by number": (dtype) => [
    matrix(dtype).gather(tf.tensor1d([3, 0, 39], "int32")),
    matrix(dtype).gather(tf.tensor1d([3, 0, 35], "int32"), 1),
  ],
  "places by number": (dtype) => [
    tf.scatterND(tf.tensor2d([[4], [1]], [2, 1], "int32"), numbers([2], dtype), [6]),
    tf.sparseToDense(tf.tensor1d([1, 4], "int32"), numbers([2], dtype), [6], tf.scalar(0, dtype)),
  ],
  choices: (dtype) => tf.where(matrix("bool", 3), matrix(dtype), matrix(dtype, 5)),
  types: (dtype) => [
    matrix(dtype).cast("float32"),
    matrix(dtype).cast("int32"),
    matrix(dtype).cast("bool"),
    matrix(dtype).reverse(0).cast("float32"),
    matrix(dtype).transpose().toFloat().div(255),
  ],
  comparisons: (dtype) => [matrix(dtype).equal(matrix(dtype, 5)), matrix(dtype).notEqual(matrix(dtype, 5))],
};

const ARITHMETIC: Readonly<Record<string, () => tf.Tensor | tf.Tensor[]>> = {
  "sums, differences, products": () => [
    matrix("int32").add(matrix("int32", 5)),
    matrix("int32").sub(numbers([36], "int32")),
    matrix("int32").mul(2),
    matrix("int32").mul(0.5),
  ],
  quotients: () => [
    matrix("int32").div(255),
    matrix("int32").floorDiv(tf.scalar(2, "int32")),
    matrix("int32").mod(3),
  ],
  powers: () => [matrix("int32").pow(2), matrix("int32").square(), matrix("int32").abs()],
  "larger and smaller": () => [
    matrix("int32").maximum(matrix("int32", 5)),
    matrix("int32").minimum(0),
    matrix("int32").clipByValue(0, 3),
    matrix("int32").greater(2),
    matrix("int32").lessEqual(numbers([36], "int32")),
  ],
  "sums and means of axes": () => [
    matrix("int32").sum(),
    image("int32").sum([1, 2]),
    image("int32").mean([1, 2]),
    matrix("int32").max(1),
    matrix("int32").min(0),
    matrix("int32").cumsum(1),
  ],
  "sums of segments": () =>
    tf
      .unsortedSegmentSum(
        matrix("int32"),
        tf.tensor1d(
          Array.from({ length: 40 }, (_, i) => i % 3),
          "int32",
        ),
        3,
      )
      .toFloat(),
  "blocks of space": () =>
    tf.batchToSpaceND(
      tf.spaceToBatchND(
        image("int32"),
        [2, 2],
        [
          [0, 0],
          [0, 0],
        ],
      ),
      [2, 2],
      [
        [0, 0],
        [0, 0],
      ],
    ),
  resizing: () => [
    tf.image.resizeBilinear(image("int32"), [10, 31]),
    tf.image.resizeNearestNeighbor(image("int32"), [40, 12]),
  ],
  "one hot": () => [
    tf.oneHot(numbers([500], "int32").abs() as tf.Tensor1D, 9),
    tf.oneHot(numbers([500], "int32").abs() as tf.Tensor1D, 9, 1, 0, "float32"),
  ],
  "sums of many": () => tf.addN(Array.from({ length: 40 }, (_, i) => matrix("int32", i + 1))),
  "truth of truths": () => [
    tf.logicalAnd(matrix("bool"), matrix("bool", 5)),
    tf.logicalNot(matrix("bool")),
    matrix("bool").any(1),
    matrix("bool").all(0),
  ],
};

/** Ops on int32 and bool match the CPU backend. */
export function integerCases(): ConformanceCase[] {
  return [
    ...Object.entries(MOVES).flatMap(([name, compute]) =>
      (["int32", "bool"] as const).map((dtype) => sameAsOnCpu(`${name} of ${dtype}`, () => compute(dtype))),
    ),
    ...Object.entries(ARITHMETIC).map(([name, compute]) => sameAsOnCpu(`integers: ${name}`, compute)),
  ];
}
