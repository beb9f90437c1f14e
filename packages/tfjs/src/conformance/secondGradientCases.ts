// Gradients of gradients, as in gradient penalties. For a function of several inputs with gradients g_i for some fixed
// dy, the penalty is P = Σ_i |g_i|². Its gradients are compared along random directions with finite differences of P,
// which come from the gradients' float64 references.

import { GmrError, perAxis, product, Random } from "@gmr-conv/core";
import { referenceGmrConvGrad } from "@gmr-conv/core/reference";
import * as tf from "@tensorflow/tfjs";
import { addRelu } from "../addRelu.ts";
import { normalise } from "../batchNorm.ts";
import { mendGradients } from "../gradients.ts";
import { convolve, strategiesFor } from "./checkProblem.ts";
import { checkError } from "./compare.ts";
import { type ConformanceCase, defineCase } from "./conformanceCase.ts";
import { type ConvProblem, describeProblem, INPUT_NAMES, type SolvedProblem, solve } from "./convProblem.ts";
import { referenceInstanceNorm } from "./reference.ts";

type Arrays = readonly ArrayLike<number>[];

interface Penalised {
  inputs: Arrays;
  shapes: readonly (readonly number[])[];
  gradY: ArrayLike<number>;
  outShape: readonly number[];
  compute: (...inputs: tf.Tensor[]) => tf.Tensor;
  /** The gradients in float64. */
  gradients: (inputs: Arrays) => Arrays;
}

const STEP = 1e-5;
const DIRECTIONS = 3;

async function checkPenalty(what: string, problem: Penalised): Promise<void> {
  const { inputs, shapes, gradY, outShape, compute, gradients } = problem;
  const penalty = (given: Arrays): number =>
    gradients(given).reduce((sum, g) => sum + Array.from(g).reduce((a, v) => a + v * v, 0), 0);
  const tensors = inputs.map((data, i) => tf.tensor(Float32Array.from(data), [...shapes[i]]));
  const dy = tf.tensor(Float32Array.from(gradY), [...outShape]);
  const penaltyOf = (...given: tf.Tensor[]): tf.Tensor =>
    tf.addN([
      ...tf
        .grads(compute)(given, dy)
        .map((g) => g.square().sum()),
      ...given.map((input) => input.sum().mul(0)), // inputs that no gradient depends on
    ]);
  const found = tf.tidy(() => tf.grads(penaltyOf)(tensors));
  const values = await Promise.all(found.map((tensor) => tensor.data<"float32">()));
  tf.dispose([tensors, dy, found]);
  const random = new Random(17);
  for (let n = 0; n < DIRECTIONS * inputs.length; n++) {
    const which = n % inputs.length;
    const direction = Float64Array.from(inputs[which], () => random.normal());
    const moved = (step: number): Arrays =>
      inputs.map((data, i) => (i === which ? direction.map((d, j) => data[j] + step * d) : data));
    const expected = (penalty(moved(STEP)) - penalty(moved(-STEP))) / (2 * STEP);
    const slope = values[which].reduce((sum, value, i) => sum + value * direction[i], 0);
    const size = Math.sqrt(values[which].reduce((sum, value) => sum + value * value, 0));
    const scale = Math.max(Math.abs(expected), size, 1e-6 * penalty(inputs));
    checkError(
      `${what}, input ${which}: the slope ${slope} instead of ${expected}`,
      "gradient",
      Math.abs(slope - expected) / scale,
    );
  }
}

const CONVOLUTIONS: readonly ConvProblem[] = [
  { shape: [2, 6, 7, 3], outChannels: 4, options: { kernelSize: 5, pad: 2 } },
  { shape: [1, 9, 8, 4], outChannels: 2, options: { kernelSize: 3, pad: 1, strides: 2, groups: 2 } },
  { shape: [1, 6, 7, 5], outChannels: 5, options: { kernelSize: 5, pad: 2, groups: 5 } },
  {
    shape: [1, 7, 7, 2],
    outChannels: 3,
    options: { kernelSize: 5, pad: 2, padMode: "reflect" },
    mixture: "clamped",
  },
  { shape: [1, 8, 7, 2], outChannels: 2, options: { kernelSize: 5, pad: 3, dilations: 2 }, mixture: "none" },
  { shape: [2, 3, 4, 3], outChannels: 2, options: { kernelSize: 3, strides: 2, transposed: true } },
  { rank: 1, shape: [2, 9, 3], outChannels: 2, options: { kernelSize: 5, pad: 2 } },
  { rank: 3, shape: [1, 4, 4, 3, 2], outChannels: 3, options: { kernelSize: 3, pad: 1 } },
  { shape: [1, 5, 5, 2], outChannels: 2, options: { kernelSize: 3, pad: 1 }, masks: true },
];

function convCase(problem: ConvProblem): ConformanceCase {
  return defineCase(`gradients of gradients: ${describeProblem(problem)}`, async () => {
    const solved: SolvedProblem = solve(problem);
    const { inputs, gradY } = solved;
    const names = INPUT_NAMES.filter((name) => inputs.has(name));
    const rank = problem.rank ?? 2;
    const options = {
      ...problem.options,
      kernelSize: perAxis("kernelSize", problem.options.kernelSize, rank),
    };
    for (const strategy of strategiesFor(problem)) {
      await checkPenalty(strategy, {
        inputs: names.map((name) => inputs.get(name)?.data ?? []),
        shapes: names.map((name) => inputs.get(name)?.shape ?? []),
        gradY: gradY.data,
        outShape: gradY.shape,
        compute: (...tensors) =>
          convolve(solved, new Map(names.map((name, i) => [name, tensors[i]])), strategy),
        gradients: (given) => {
          const [x, ...parameters] = given;
          const of = Object.fromEntries(names.slice(1).map((name, i) => [name, parameters[i]]));
          const found = referenceGmrConvGrad(
            x,
            problem.shape,
            of as { weights: ArrayLike<number> },
            gradY.data,
            options,
          );
          return names.map((name) => found[name] ?? []);
        },
      });
    }
  });
}

const NORMALISATIONS = [
  { shape: [6, 4], images: 1, slope: 1 },
  { shape: [2, 3, 3, 5], images: 1, slope: 0 },
  { shape: [2, 4, 3, 5], images: 2, slope: 0.1 },
];

function normCase({ shape, images, slope }: (typeof NORMALISATIONS)[number]): ConformanceCase {
  const name = `gradients of gradients: ${images > 1 ? "instanceNorm" : "batchNormTraining"}, x [${shape}], slope ${slope}`;
  return defineCase(name, async () => {
    const random = new Random(3);
    const channels = shape[shape.length - 1];
    const normal = (count: number): Float32Array =>
      Float32Array.from({ length: count }, () => random.normal(0.5));
    const inputs = [normal(product(shape)), normal(channels), normal(channels)];
    const gradY = normal(product(shape));
    await checkPenalty("batchNormTraining", {
      inputs,
      shapes: [shape, [channels], [channels]],
      gradY,
      outShape: shape,
      compute: (x, gamma, beta) =>
        normalise(x, gamma as tf.Tensor1D, beta as tf.Tensor1D, {
          epsilon: 0.01,
          slope,
          perImage: images > 1,
        }).y,
      gradients: ([x, gamma, beta]) => {
        const { gradX, gradGamma, gradBeta } = referenceInstanceNorm(
          images,
          x,
          gamma,
          beta,
          gradY,
          0.01,
          slope,
        );
        return [gradX, gradGamma, gradBeta];
      },
    });
  });
}

/** y = max(a² + b, 0)², whose gradients are not constant. */
const addReluCase = (): ConformanceCase =>
  defineCase("gradients of gradients: addRelu", async () => {
    const random = new Random(5);
    const [a, b, gradY] = [0, 1, 2].map(() => Float32Array.from({ length: 40 }, () => random.normal()));
    await checkPenalty("addRelu", {
      inputs: [a, b],
      shapes: [
        [5, 8],
        [5, 8],
      ],
      gradY,
      outShape: [5, 8],
      compute: (p, q) => addRelu(p.square(), q).square(),
      gradients: ([p, q]) => {
        const open = Float64Array.from(p, (value, i) => 2 * gradY[i] * Math.max(0, value * value + q[i]));
        return [open.map((value, i) => value * 2 * p[i]), open];
      },
    });
  });

interface StockFunction {
  name: string;
  shape: number[];
  compute: (x: tf.Tensor) => tf.Tensor;
  /** Points where it is smooth. Default: noise. */
  at?: (shape: number[]) => tf.Tensor;
}

/** Numbers far enough apart that small steps change no order. */
const apart = (shape: number[]): tf.Tensor => {
  const count = product(shape);
  return tf.tensor(
    Array.from({ length: count }, (_, i) => 0.2 + (2 * ((i * 7919) % count)) / count),
    shape,
  );
};

const noise = (shape: number[], seed: number): tf.Tensor => tf.randomNormal(shape, 0, 1, "float32", seed);

/** What networks use besides our ops; squared, so that their gradients are not constant. */
const STOCK: readonly StockFunction[] = [
  {
    name: "conv2d and a rectifier",
    shape: [2, 5, 6, 3],
    compute: (x) =>
      tf.conv2d(x.square() as tf.Tensor4D, noise([3, 3, 3, 2], 1) as tf.Tensor4D, 2, "same").relu(),
  },
  {
    name: "depthwiseConv2d",
    shape: [1, 6, 6, 3],
    compute: (x) =>
      tf.depthwiseConv2d(x.square() as tf.Tensor4D, noise([3, 3, 3, 2], 2) as tf.Tensor4D, 1, "valid"),
  },
  {
    name: "conv3d",
    shape: [1, 4, 4, 4, 2],
    compute: (x) => tf.conv3d(x.square() as tf.Tensor5D, noise([3, 3, 3, 2, 2], 3) as tf.Tensor5D, 1, "same"),
  },
  {
    name: "average pooling",
    shape: [1, 5, 7, 3],
    compute: (x) => tf.avgPool(x.square() as tf.Tensor4D, [3, 2], 2, "same"),
  },
  {
    name: "average pooling of volumes",
    shape: [1, 4, 5, 4, 2],
    compute: (x) => tf.avgPool3d(x.square() as tf.Tensor5D, 3, 2, "same"),
  },
  {
    name: "maximum pooling",
    at: apart,
    shape: [2, 7, 6, 3],
    compute: (x) => tf.maxPool(x.square() as tf.Tensor4D, 3, 2, "same"),
  },
  {
    name: "maximum pooling of volumes",
    at: apart,
    shape: [1, 5, 4, 6, 2],
    compute: (x) => tf.maxPool3d(x.square() as tf.Tensor5D, 2, 2, "valid"),
  },
  {
    name: "resizing",
    shape: [1, 4, 5, 2],
    compute: (x) => tf.image.resizeBilinear(x.square() as tf.Tensor4D, [9, 8], true),
  },
  {
    name: "choices by comparison",
    shape: [6, 7],
    compute: (x) => tf.where(x.greater(0), x.square(), x.mul(3)).clipByValue(-2, 2),
  },
  { name: "an exponential linear unit", shape: [6, 7], compute: (x) => x.elu() },
];

/** The penalty's gradient against differences of the gradient on the CPU backend, in float32 and thus coarser. */
function stockCase({
  name,
  shape,
  compute,
  at = (sizes) => noise(sizes, 7),
}: StockFunction): ConformanceCase {
  return defineCase(`gradients of gradients: ${name}`, async () => {
    mendGradients();
    const f = (x: tf.Tensor): tf.Tensor => compute(x).square().sum();
    const penalty = (x: tf.Tensor): tf.Tensor => tf.grad(f)(x).square().sum();
    const slope = async (): Promise<[number, number]> => {
      const [along, difference] = tf.tidy(() => {
        const [x, direction] = [at(shape), noise(shape, 8)];
        const along = tf.grad(penalty)(x).mul(direction).sum();
        const h = 2 ** -11;
        const difference = penalty(x.add(direction.mul(h)))
          .sub(penalty(x.sub(direction.mul(h))))
          .div(2 * h);
        return [along, difference];
      });
      const [[a], [b]] = [await along.data(), await difference.data()];
      tf.dispose([along, difference]);
      return [a, b];
    };
    const backend = tf.getBackend();
    await tf.setBackend("cpu");
    const [expected, difference] = await slope();
    await tf.setBackend(backend);
    const [actual] = await slope();
    if (!(Math.abs(expected - difference) <= 0.02 * Math.abs(difference))) {
      throw new GmrError(
        "invalid-data",
        `${name}: the slope is ${expected} on the CPU, finite differences give ${difference}`,
      );
    }
    checkError(
      `${name}: the slope ${actual} instead of ${expected}`,
      "gradient",
      Math.abs(actual / expected - 1),
    );
  });
}

/** Gradients of the gradients of our ops, and of common stock ops. */
export function secondGradientCases(): ConformanceCase[] {
  return [
    ...CONVOLUTIONS.map(convCase),
    ...NORMALISATIONS.map(normCase),
    addReluCase(),
    ...STOCK.map(stockCase),
  ];
}
