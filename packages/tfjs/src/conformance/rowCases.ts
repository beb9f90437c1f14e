// Ops that move or map rows of channels, at sizes around those of vectors and of threads' shares.

import { GmrError } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { BatchNormInference, batchNormInference } from "../batchNormInference.ts";
import { mendGradients } from "../gradients.ts";
import { LeakyReluGrad } from "../kernels/leakyRelu.ts";
import { type ConformanceCase, defineCase } from "./conformanceCase.ts";
import { misfitCase } from "./misfitCase.ts";
import { type Compute, sameAsOnCpu } from "./sameAsOnCpu.ts";

const noise = (shape: number[], seed: number): tf.Tensor => tf.randomNormal(shape, 0, 1, "float32", seed);

/** The last is large enough for threads. */
const SHAPES = [[1], [7, 3], [2, 5, 4], [3, 5, 7, 17], [2, 3, 3, 40], [1, 2, 3, 5, 6], [2, 61, 67, 16]];

function joined(shape: number[], axis: number): Compute {
  return () => {
    const sizes = [1, 3, 2].map((size) => shape.with(axis, size));
    const parts = sizes.map((size, i) => noise(size, i + 1));
    const whole = tf.concat(parts, axis);
    return [whole, ...tf.split(whole, [4, 2], axis)];
  };
}

const leaky: Compute = () =>
  SHAPES.flatMap((shape) => {
    const x = noise(shape, 1);
    const rectify = (v: tf.Tensor): tf.Tensor => tf.leakyRelu(v, 0.1);
    const penalty = (v: tf.Tensor): tf.Tensor =>
      tf
        .grad((u) => rectify(u).square().sum())(v)
        .square()
        .sum();
    return [rectify(x), tf.grad(rectify)(x, noise(shape, 2)), tf.grad(penalty)(x)];
  });

const normalised = (shape: number[], slope: number): Compute => {
  return () => {
    const vector = (seed: number): tf.Tensor => noise(shape.slice(-1), seed);
    const inputs = [noise(shape, 1), vector(2), vector(3).square(), vector(4), vector(5)];
    const run = (...[x, mean, variance, gamma, beta]: tf.Tensor[]): tf.Tensor =>
      batchNormInference({ x, mean, variance, gamma, beta }, { epsilon: 0.1, slope });
    const y = run(...inputs);
    const stock = tf.batchNorm(
      noise(shape, 1).reshape<tf.Tensor4D>([-1, 1, 1, shape[shape.length - 1]]),
      inputs[1] as tf.Tensor1D,
      inputs[2] as tf.Tensor1D,
      undefined,
      undefined,
      0.1,
    );
    return [y, stock, ...tf.grads(run)(inputs, noise(shape, 6))];
  };
};

const resized =
  (from: [number, number], to: [number, number], aligned: boolean): Compute =>
  () =>
    [1, 3, 8, 18].map((channels) => {
      const resize = (x: tf.Tensor): tf.Tensor => tf.image.resizeBilinear(x as tf.Tensor4D, to, aligned);
      return tf.grad(resize)(noise([2, ...from, channels], 1), noise([2, ...to, channels], 2));
    });

const biased: Compute = () =>
  SHAPES.flatMap((shape) => {
    const [x, bias] = [noise(shape, 1), noise(shape.slice(-1), 2)];
    return [x.add(bias), bias.add(x), x.add(bias.cast("int32"))];
  });

const turned: Compute = () =>
  [1, 2, 5, 16].flatMap((rows) => {
    const [a, b] = [noise([rows, rows], 1), noise([rows, 1500], 2)];
    return [tf.matMul(a, b, true), tf.matMul(a, b), tf.matMul(a.expandDims(0), b.expandDims(0), true)];
  });

/** NaN must stay NaN: training checks the loss for it. */
function nanCase(): ConformanceCase {
  return defineCase("leaky rectifiers and normalisation keep NaN", async () => {
    const made = tf.tidy(() => {
      const x = tf.fill([7, 1], Number.NaN);
      const one = tf.ones([1]);
      const norm = (slope: number): tf.Tensor =>
        batchNormInference({ x, mean: one, variance: one, gamma: one, beta: one }, { epsilon: 1e-5, slope });
      return tf.stack([tf.leakyRelu(x, 0.1), norm(0), norm(0.1), norm(1)]);
    });
    const numbers = await made.data();
    made.dispose();
    if (!numbers.every(Number.isNaN)) throw new GmrError("invalid-data", `NaN becomes [${numbers}]`);
  });
}

export function rowCases(): ConformanceCase[] {
  mendGradients();
  const pairs = SHAPES.flatMap((shape) => shape.map((_, axis) => ({ shape, axis })));
  return [
    ...pairs.map(({ shape, axis }) =>
      sameAsOnCpu(`parts of [${shape}] along axis ${axis}`, joined(shape, axis)),
    ),
    sameAsOnCpu("leaky rectifiers and their gradients", leaky),
    ...SHAPES.flatMap((shape) =>
      [1, 0, 0.1].map((slope) =>
        sameAsOnCpu(
          `batch normalisation of [${shape}] with given statistics, slope ${slope}`,
          normalised(shape, slope),
        ),
      ),
    ),
    sameAsOnCpu("the gradient of doubling", resized([5, 6], [10, 12], true)),
    sameAsOnCpu("the gradient of enlarging", resized([32, 31], [65, 63], true)),
    sameAsOnCpu("the gradient of shrinking, corners not aligned", resized([9, 8], [4, 5], false)),
    sameAsOnCpu("biases", biased),
    sameAsOnCpu("small matrices by long rows", turned),
    nanCase(),
    misfitCase(BatchNormInference, VECTORS, { epsilon: 1e-5, slope: 1 }),
    misfitCase(LeakyReluGrad, { dy: [2], x: [3] }, { alpha: 0.1 }),
  ];
}

const VECTORS = { x: [2, 3], mean: [3], variance: [3], gamma: [2], beta: [3] };
