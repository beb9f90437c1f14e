import { product, Random } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import {
  BatchNormTraining,
  BatchNormTrainingGrad,
  BatchNormTrainingParamGrad,
  batchNormTraining,
  normalise as normaliseRows,
} from "../batchNorm.ts";
import { instanceNorm } from "../instanceNorm.ts";
import { checkAndDispose, checkCount } from "./compare.ts";
import { type ConformanceCase, defineCase } from "./conformanceCase.ts";
import { misfitCase } from "./misfitCase.ts";
import { referenceBatchNorm, referenceInstanceNorm } from "./reference.ts";

interface BatchNormProblem {
  shape: readonly number[];
  epsilon?: number;
  /** Mean of x, in standard deviations. Default 0.5. */
  offset?: number;
  /** Default 1: none. Others only for few values: one within rounding of zero would fall on the wrong side. */
  slope?: number;
  /** Default false. */
  perImage?: boolean;
}

const PROBLEMS: readonly BatchNormProblem[] = [
  { shape: [1, 6] }, // one row: y = beta
  { shape: [64, 1] },
  { shape: [9, 3] },
  { shape: [5, 4] },
  { shape: [7, 16] },
  { shape: [4, 3, 17] },
  { shape: [3, 5, 5, 21] },
  { shape: [2, 9, 7, 37] },
  { shape: [2, 3, 4, 5, 6] },
  { shape: [257, 33] },
  { shape: [9001, 5] },
  { shape: [60_000, 1] },
  { shape: [300_000, 2], offset: 1 }, // sums of many rows must not lose digits
  { shape: [4, 16, 16, 64] },
  { shape: [3, 8, 8, 20], epsilon: 0.1 },
  { shape: [4, 8, 8, 18], offset: 10 },
  { shape: [9, 1], slope: 0 },
  { shape: [13, 3], slope: 0 },
  { shape: [5, 4, 8], slope: 0 },
  { shape: [2, 5, 3, 16], slope: 0 },
  { shape: [3, 4, 4, 23], slope: 0 },
  { shape: [256, 2], slope: 0 },
  { shape: [3, 5, 17], slope: 0.1 },
  { shape: [1, 40, 3], perImage: true },
  { shape: [3, 7, 5, 1], perImage: true },
  { shape: [2, 1, 6], perImage: true },
  { shape: [3, 11, 13, 17], perImage: true, epsilon: 0.1 },
  { shape: [2, 33, 31, 40], perImage: true, offset: 10 },
  { shape: [2, 4, 5, 6, 24], perImage: true },
  { shape: [3, 90_000, 1], perImage: true, offset: 1 },
  { shape: [1, 3, 300], perImage: true, slope: 0 },
  { shape: [3, 5, 4, 3], perImage: true, slope: 0.1 },
  { shape: [3, 9, 17], perImage: true, slope: 0 },
  { shape: [2, 4, 5, 16], perImage: true, slope: 0.1 },
];

/** batchNormTraining: y, mean, variance and the gradients of x, gamma and beta. */
export function batchNormCases(): ConformanceCase[] {
  return [
    ...PROBLEMS.map(problemCase),
    ...PROBLEMS.slice(3, 5).map(partialCase),
    sharedInputCase(),
    otherAttributesCase(),
    leakCase("batchNormTraining", normalise(1e-5)),
    leakCase("instanceNorm", (x, gamma, beta) =>
      instanceNorm(x.reshape([2, 3, 5]), gamma as tf.Tensor1D, beta as tf.Tensor1D, 1e-5, 0.1),
    ),
    ...misfitCases(),
  ];
}

function misfitCases(): ConformanceCase[] {
  const attrs = { epsilon: 1e-5, slope: 1, perImage: false };
  const perImage = { ...attrs, perImage: true };
  const x = [4, 3];
  const dy = x;
  const vectors = { gamma: [3], beta: [3], mean: [3], variance: [3] };
  return [
    misfitCase(BatchNormTraining, { x, gamma: [2], beta: [3] }, attrs),
    misfitCase(BatchNormTraining, { x, gamma: [3], beta: [] }, attrs),
    misfitCase(BatchNormTrainingGrad, { ...vectors, x, dy: [3, 3] }, attrs),
    misfitCase(BatchNormTrainingGrad, { ...vectors, x, dy, mean: [1] }, attrs),
    misfitCase(BatchNormTrainingParamGrad, { ...vectors, x, dy, variance: [4] }, attrs),
    misfitCase(BatchNormTrainingGrad, { ...vectors, x, dy }, perImage),
    misfitCase(BatchNormTrainingParamGrad, { ...vectors, x, dy, mean: [4, 3], variance: [3, 3] }, perImage),
  ];
}

function inputsOf({ shape, offset = 0.5 }: BatchNormProblem) {
  const random = new Random(5);
  const channels = shape[shape.length - 1];
  const draw = (count: number, mean: number) =>
    Float32Array.from({ length: count }, () => random.normal(mean));
  return {
    x: draw(product(shape), offset),
    gamma: draw(channels, 1),
    beta: draw(channels, 0),
    gradY: draw(product(shape), 0),
  };
}

function problemCase(problem: BatchNormProblem): ConformanceCase {
  const { shape, epsilon = 1e-5, offset, slope = 1, perImage = false } = problem;
  const words = [offset && `, mean ${offset}`, slope < 1 && `, slope ${slope}`].filter((word) => word);
  const op = perImage ? "instanceNorm" : "batchNormTraining";
  const name = `${op}, x [${shape}], epsilon ${epsilon}${words.join("")}`;
  return defineCase(name, async () => {
    const numbers = inputsOf(problem);
    const images = perImage ? shape[0] : 1;
    const { gamma: scales, beta: offsets } = numbers;
    const expected = referenceInstanceNorm(images, numbers.x, scales, offsets, numbers.gradY, epsilon, slope);
    const channels = [numbers.gamma.length];
    const statistics = perImage ? [images, ...channels] : channels;
    const x = tf.tensor(numbers.x, [...shape]);
    const gamma = tf.tensor1d(numbers.gamma);
    const beta = tf.tensor1d(numbers.beta);
    const gradY = tf.tensor(numbers.gradY, [...shape]);

    const { y, mean, variance } = normaliseRows(x, gamma, beta, { epsilon, slope, perImage });
    await checkAndDispose("y", "output", y, { data: expected.y, shape });
    await checkAndDispose("the mean", "output", mean, { data: expected.mean, shape: statistics });
    await checkAndDispose("the variance", "output", variance, { data: expected.variance, shape: statistics });

    const [gradX, gradGamma, gradBeta] = tf.grads(
      (a, b, c) => normaliseRows(a, b as tf.Tensor1D, c as tf.Tensor1D, { epsilon, slope, perImage }).y,
    )([x, gamma, beta], gradY);
    await checkAndDispose("the gradient of x", "gradient", gradX, { data: expected.gradX, shape });
    await checkAndDispose("the gradient of gamma", "gradient", gradGamma, {
      data: expected.gradGamma,
      shape: channels,
    });
    await checkAndDispose("the gradient of beta", "gradient", gradBeta, {
      data: expected.gradBeta,
      shape: channels,
    });
    tf.dispose([x, gamma, beta, gradY]);
  });
}

function normalise(epsilon: number, relu = false): (...inputs: tf.Tensor[]) => tf.Tensor {
  return (x, gamma, beta) => batchNormTraining(x, gamma as tf.Tensor1D, beta as tf.Tensor1D, epsilon, relu).y;
}

function partialCase(problem: BatchNormProblem): ConformanceCase {
  return defineCase(`batchNormTraining, gradient of one input alone, x [${problem.shape}]`, async () => {
    const numbers = inputsOf(problem);
    const expected = referenceBatchNorm(numbers.x, numbers.gamma, numbers.beta, numbers.gradY, 1e-5);
    const inputs = [
      tf.tensor(numbers.x, [...problem.shape]),
      tf.tensor1d(numbers.gamma),
      tf.tensor1d(numbers.beta),
    ];
    const gradY = tf.tensor(numbers.gradY, [...problem.shape]);
    for (const [i, data] of [expected.gradX, expected.gradGamma, expected.gradBeta].entries()) {
      const alone = tf.grad((input) => normalise(1e-5)(...inputs.with(i, input)))(inputs[i], gradY);
      const name = `the gradient of ${["x", "gamma", "beta"][i]} alone`;
      await checkAndDispose(name, "gradient", alone, { data, shape: inputs[i].shape });
    }
    tf.dispose([inputs, gradY]);
  });
}

const SHARED = [8, 3];

/** The sum of two normalisations of one x: both have the same x and the same output gradient. */
function sharedInputCase(): ConformanceCase {
  return defineCase("batchNormTraining, two of one x, added", async () => {
    const numbers = inputsOf({ shape: SHARED });
    const [gamma2, beta2] = [numbers.gamma.map((value) => 2 - value), numbers.beta.map((value) => value - 1)];
    const results = [
      { gamma: numbers.gamma, beta: numbers.beta },
      { gamma: gamma2, beta: beta2 },
    ].map(({ gamma, beta }) => referenceBatchNorm(numbers.x, gamma, beta, numbers.gradY, 1e-5, 0));
    const inputs = [
      tf.tensor(numbers.x, SHARED),
      ...[numbers.gamma, numbers.beta, gamma2, beta2].map((values) => tf.tensor1d(values)),
    ];
    const gradY = tf.tensor(numbers.gradY, SHARED);
    const sum = (x: tf.Tensor, g1: tf.Tensor, b1: tf.Tensor, g2: tf.Tensor, b2: tf.Tensor): tf.Tensor =>
      normalise(1e-5, true)(x, g1, b1).add(normalise(1e-5, true)(x, g2, b2));
    const gradients = tf.grads(sum)(inputs, gradY);
    const [first, second] = results;
    const expected = [
      first.gradX.map((value, i) => value + second.gradX[i]),
      ...[first.gradGamma, first.gradBeta, second.gradGamma, second.gradBeta],
    ];
    for (const [i, gradient] of gradients.entries()) {
      const { shape } = inputs[i];
      await checkAndDispose(`gradient ${i}`, "gradient", gradient, { data: expected[i], shape });
    }
    tf.dispose([inputs, gradY]);
  });
}

/** Reuses x and the output's gradient, with and without rectifier. */
function otherAttributesCase(): ConformanceCase {
  return defineCase("batchNormTraining, the same tensors with other attributes", async () => {
    const numbers = inputsOf({ shape: SHARED });
    const x = tf.tensor(numbers.x, SHARED);
    const [gamma, beta] = [tf.tensor1d(numbers.gamma), tf.tensor1d(numbers.beta)];
    const gradY = tf.tensor(numbers.gradY, SHARED);
    tf.dispose(tf.grad((input) => normalise(1e-5)(input, gamma, beta))(x, gradY));
    const relu = (g: tf.Tensor, b: tf.Tensor): tf.Tensor => normalise(1e-5, true)(x, g, b);
    const [gradGamma, gradBeta] = tf.grads(relu)([gamma, beta], gradY);
    const expected = referenceBatchNorm(numbers.x, numbers.gamma, numbers.beta, numbers.gradY, 1e-5, 0);
    const { shape } = gamma;
    await checkAndDispose("the gradient of gamma", "gradient", gradGamma, {
      data: expected.gradGamma,
      shape,
    });
    await checkAndDispose("the gradient of beta", "gradient", gradBeta, { data: expected.gradBeta, shape });
    tf.dispose([x, gamma, beta, gradY]);
  });
}

function leakCase(name: string, compute: (...inputs: tf.Tensor[]) => tf.Tensor): ConformanceCase {
  return defineCase(`no tensors leak (${name})`, async () => {
    const inputs = [tf.ones([6, 5]), tf.ones([5]), tf.zeros([5])];
    for (let step = 0; step < 3; step++) {
      const before = tf.memory().numTensors;
      const gradients = tf.grads(compute)(inputs);
      checkCount("the number of tensors made by the gradient", tf.memory().numTensors - before, 3);
      tf.dispose(gradients);
    }
    tf.dispose(inputs);
  });
}
