// A convolution to test: its description, seeded inputs and the reference's answer.

import {
  type ConvGeometry,
  defaultNumRings,
  describeValue,
  perAxis,
  product,
  Random,
  type Rank,
  sigmaBounds,
} from "@gmr-conv/core";
import { type ReferenceGmrOptions, referenceGmrConv, referenceGmrConvGrad } from "@gmr-conv/core/reference";
import type { Expected } from "./compare.ts";

/** A convolution with every option. */
export interface ConvProblem {
  /** Number of spatial axes. Default 2. */
  rank?: Rank;
  /** Of x: [N, ...spatial, C] or [...spatial, C]. */
  shape: readonly number[];
  outChannels: number;
  options: ReferenceGmrOptions;
  /** `"none"`: no mixture; `"clamped"`: some σ lie beyond their bounds. Default: all within. */
  mixture?: "none" | "clamped";
  /** Default true. */
  bias?: boolean;
  /** Arbitrary masks instead of the partition's own; dense strategy only. Default false. */
  masks?: boolean;
}

/** The tensors to differentiate, in the order of the op's arguments. */
export const INPUT_NAMES = ["x", "weights", "logSigmas", "masks", "bias"] as const;
export type InputName = (typeof INPUT_NAMES)[number];

/** The inputs of a problem, all exact in float32, and the reference's results. */
export interface SolvedProblem {
  problem: ConvProblem;
  inputs: Map<InputName, Expected>;
  gradY: Expected;
  y: Expected;
  gradients: Map<InputName, Expected>;
}

/** A name such as `x [2,9,9,3] → 4, kernel 5, strides 2,3`. */
export function describeProblem(problem: ConvProblem): string {
  const { shape, outChannels, mixture, bias, masks } = problem;
  const { kernelSize, transposed, ...rest } = problem.options;
  const words = Object.entries(rest).map(([key, value]) => `${key} ${text(value)}`);
  if (mixture) words.push(mixture === "none" ? "no mixture" : "clamped sigmas");
  if (masks) words.push("own masks");
  if (bias === false) words.push("no bias");
  const op = `${problem.rank ?? 2}-D${transposed ? " transposed" : ""}`;
  return [`${op}, x [${shape}] → ${outChannels}`, `kernel ${text(kernelSize)}`, ...words].join(", ");
}

function text(value: unknown): string {
  return typeof value === "string" ? value : describeValue(value);
}

/** Draws the inputs of a problem and computes the reference's answer. */
export function solve(problem: ConvProblem, seed = 1): SolvedProblem {
  const { shape, outChannels, mixture } = problem;
  const rank = problem.rank ?? 2;
  // One kernel size per axis: the reference cannot tell [3] from 3.
  const options = { ...problem.options, kernelSize: perAxis("kernelSize", problem.options.kernelSize, rank) };
  const random = new Random(seed);
  const numRings = options.numRings ?? defaultNumRings(options.kernelSize, options.circular);
  const normal = (...sizes: number[]): Expected => ({
    data: Float32Array.from({ length: product(sizes) }, () => random.normal()),
    shape: sizes,
  });
  const channels = shape[shape.length - 1];
  const [inner, outer] = options.transposed ? [outChannels, channels] : [channels, outChannels];
  const inputs = new Map<InputName, Expected>([
    ["x", normal(...shape)],
    ["weights", normal(numRings, inner / (options.groups ?? 1), outer)],
  ]);
  if (mixture !== "none") {
    inputs.set("logSigmas", {
      data: drawLogSigmas(random, numRings, mixture === "clamped"),
      shape: [numRings],
    });
  }
  if (problem.masks) {
    inputs.set("masks", normal(numRings, product(options.kernelSize)));
  }
  if (problem.bias !== false) inputs.set("bias", normal(outChannels));

  const single = shape.length === rank + 1;
  const batched = single ? [1, ...shape] : shape;
  const unbatched = (sizes: readonly number[]) => (single ? sizes.slice(1) : sizes);
  const dataOf = (name: InputName) => inputs.get(name)?.data;
  const x = dataOf("x") ?? [];
  const parameters = {
    weights: dataOf("weights") ?? [],
    logSigmas: dataOf("logSigmas"),
    masks: dataOf("masks"),
    bias: dataOf("bias"),
  };
  const y = referenceGmrConv(x, batched, parameters, options);
  const gradY = normal(...y.shape);
  const reference = referenceGmrConvGrad(x, batched, parameters, gradY.data, options);
  // Gradients that sum many products into few numbers.
  const typicalOf = (name: InputName): { typical?: number } => {
    if (name === "bias") return { typical: norm(gradY.data) / Math.sqrt(outChannels) };
    if (name !== "logSigmas") return {};
    const { weights } = reference;
    return { typical: (norm(weights) * norm(parameters.weights)) / Math.sqrt(weights.length * numRings) };
  };
  const gradients = new Map<InputName, Expected>();
  for (const [name, { shape: sizes }] of inputs) {
    const data = reference[name];
    if (data) gradients.set(name, { data, shape: sizes, ...typicalOf(name) });
  }
  return {
    problem,
    inputs,
    gradY: { ...gradY, shape: unbatched(y.shape) },
    y: { data: y.y, shape: unbatched(y.shape) },
    gradients,
  };
}

function norm(values: ArrayLike<number>): number {
  return Math.sqrt(Array.from(values).reduce((sum, value) => sum + value * value, 0));
}

/** Logarithms of σ well inside the bounds; with `clamped`, every other one beyond them. */
export function drawLogSigmas(random: Random, numRings: number, clamped: boolean): Float32Array {
  const [min, max] = sigmaBounds(numRings).map(Math.log);
  return Float32Array.from({ length: numRings }, (_, ring) => {
    if (clamped && ring % 2 === 0) return ring % 4 === 0 ? max + 1 : min - 1;
    return random.uniform(-1, 0.5);
  });
}

/** Products that the reference forms for a problem: its cost. */
export function productCount(problem: ConvProblem, geometry: ConvGeometry): number {
  const { shape, outChannels, options } = problem;
  const rank = problem.rank ?? 2;
  const images = shape.length === rank + 2 ? shape[0] : 1;
  const positions = product(options.transposed ? geometry.inputSize : geometry.outputSize);
  const pairs = (shape[shape.length - 1] * outChannels) / (options.groups ?? 1);
  return images * positions * product(geometry.kernelSize) * pairs;
}
