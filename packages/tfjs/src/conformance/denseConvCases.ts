// Stock dense convolutions, which some backends replace: with bias and activation, and their gradients. Every result
// must match the CPU backend.

import { Random } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { type ConformanceCase, defineCase } from "./conformanceCase.ts";
import { sameAsOnCpu } from "./sameAsOnCpu.ts";

interface DenseProblem {
  x: [number, number, number, number];
  filters: number;
  kernelSize: number;
  strides: [number, number];
  pad: "same" | "valid";
}

const problem = (
  x: DenseProblem["x"],
  filters: number,
  kernelSize: number,
  rest: Partial<DenseProblem> = {},
): DenseProblem => ({ x, filters, kernelSize, strides: [1, 1], pad: "same", ...rest });

/** Among them are ones with more rows, columns and depth than a matrix product takes at a time. */
const PROBLEMS: readonly DenseProblem[] = [
  problem([2, 9, 7, 5], 6, 1),
  problem([1, 1, 1, 40], 3, 1),
  problem([3, 5, 5, 33], 37, 1, { pad: "valid" }),
  problem([2, 7, 6, 300], 20, 1),
  problem([1, 3, 4, 4], 530, 1),
  problem([1, 2, 3, 530], 9, 1),
  problem([2, 20, 17, 3], 2, 1),
  problem([0, 4, 5, 3], 2, 1),
  problem([2, 14, 16, 40], 64, 3),
  problem([1, 40, 41, 36], 44, 3, { strides: [2, 1] }),
];

/** 1×1 convolutions of any size. */
function randomProblems(count: number, seed: number): DenseProblem[] {
  const random = new Random(seed);
  const upTo = (limit: number): number => 1 + random.int(limit);
  return Array.from({ length: count }, () =>
    problem([upTo(3), upTo(9), upTo(9), upTo(40)], upTo(40), 1, {
      strides: [upTo(2), upTo(2)],
      pad: upTo(2) === 1 ? "same" : "valid",
    }),
  );
}

const draw = (shape: number[], deviation: number, seed: number): tf.Tensor =>
  tf.randomNormal(shape, 0, deviation, "float32", seed);

function inputsOf({ x: shape, filters, kernelSize }: DenseProblem): [tf.Tensor4D, tf.Tensor4D] {
  const channels = shape[3];
  const x = draw(shape, 4, 1);
  // So that the result often exceeds 6, where one of the activations ends.
  const filter = draw([kernelSize, kernelSize, channels, filters], 1 / Math.sqrt(channels), 2);
  return [x as tf.Tensor4D, filter as tf.Tensor4D];
}

const ACTIVATIONS = ["linear", "relu", "relu6", "leakyrelu"] as const;

function results(dense: DenseProblem): tf.Tensor[] {
  const { strides, pad, filters } = dense;
  const [x, filter] = inputsOf(dense);
  const fused = (activation: (typeof ACTIVATIONS)[number], bias?: tf.Tensor): tf.Tensor =>
    tf.fused.conv2d({ x, filter, strides, pad, ...(bias && { bias }), activation, leakyreluAlpha: 0.3 });
  const bias = draw([filters], 1, 3);
  return [
    tf.conv2d(x, filter, strides, pad),
    fused("relu"),
    ...ACTIVATIONS.map((activation) => fused(activation, bias)),
  ];
}

function gradients(dense: DenseProblem): tf.Tensor[] {
  const { strides, pad } = dense;
  const [x, filter] = inputsOf(dense);
  const convolve = (a: tf.Tensor, b: tf.Tensor): tf.Tensor =>
    tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, strides, pad);
  const y = convolve(x, filter);
  return tf.grads(convolve)([x, filter], draw(y.shape, 1, 4));
}

const describe = ({ x, filters, kernelSize, strides, pad }: DenseProblem): string =>
  `conv2d, x [${x}], ${filters} filters, kernel ${kernelSize}, strides ${strides}, ${pad}`;

const FORWARD = [tf.Conv2D, tf.FusedConv2D];
const GRADIENTS = [tf.Conv2D, tf.Conv2DBackpropInput, tf.Conv2DBackpropFilter];

/** Dense convolutions, with what is fused with them, and their gradients. */
export function denseConvCases(): ConformanceCase[] {
  const casesOf = (dense: DenseProblem): ConformanceCase[] => [
    sameAsOnCpu(`${describe(dense)}, with bias and activation`, () => results(dense), FORWARD),
    // The CPU backend takes many seconds for those of larger kernels, which ring convolutions test as well.
    ...(dense.kernelSize === 1
      ? [sameAsOnCpu(`the gradients of ${describe(dense)}`, () => gradients(dense), GRADIENTS)]
      : []),
  ];
  const random = randomProblems(25, 13).flatMap(casesOf);
  return [
    ...PROBLEMS.flatMap(casesOf),
    defineCase(`${random.length} of random 1×1 convolutions, seed 13`, async () => {
      for (const { run } of random) await run();
    }, [...FORWARD, ...GRADIENTS]),
  ];
}
