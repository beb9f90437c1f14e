// A convolution to test: its description, seeded inputs, the reference's answer, and the comparison with it.

import {
  type ConvGeometry,
  defaultNumRings,
  describeValue,
  perAxis,
  product,
  Random,
  type Rank,
  type ReferenceGmrOptions,
  referenceGmrConv,
  referenceGmrConvGrad,
  sigmaBounds,
} from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import {
  gmrConv1d,
  gmrConv1dTranspose,
  gmrConv2d,
  gmrConv2dTranspose,
  gmrConv3d,
  gmrConv3dTranspose,
} from "../conv.ts";
import type { GmrConvOptions, Strategy } from "../options.ts";
import { checkClose, type Expected, type ResultKind } from "./compare.ts";

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

/** The strategies that can compute a problem. */
export function strategiesFor({ masks }: ConvProblem): readonly Strategy[] {
  return masks ? ["dense"] : ["ring", "dense"];
}

/** Computes a problem on the active backend and compares y and all gradients with the reference. */
export async function checkProblem(solved: SolvedProblem, strategy: Strategy): Promise<void> {
  const wanted = [...solved.inputs.keys()];
  const inputs = inputTensors(solved);
  const y = tf.tidy(() => convolve(solved, inputs, strategy));
  await checkAndDispose(`y (${strategy})`, "output", y, solved.y);
  await checkGradients(solved, wanted, strategy);
  tf.dispose([...inputs.values()]);
}

/** Takes the gradients of some of the inputs and compares them with the reference. */
export async function checkGradients(
  solved: SolvedProblem,
  wanted: readonly InputName[],
  strategy: Strategy,
): Promise<void> {
  const inputs = inputTensors(solved);
  const gradY = toTensor(solved.gradY);
  const gradients = tf.grads((...tensors: tf.Tensor[]) =>
    convolve(solved, new Map([...inputs, ...wanted.map((name, i) => [name, tensors[i]] as const)]), strategy),
  )(
    wanted.flatMap((name) => inputs.get(name) ?? []),
    gradY,
  );
  tf.dispose([...inputs.values(), gradY]);
  for (const [i, name] of wanted.entries()) {
    const expected = solved.gradients.get(name);
    if (expected)
      await checkAndDispose(`the gradient of ${name} (${strategy})`, "gradient", gradients[i], expected);
  }
}

/** The inputs of a problem as tensors, which the caller disposes. */
export function inputTensors({ inputs }: SolvedProblem): Map<InputName, tf.Tensor> {
  return new Map([...inputs].map(([name, input]) => [name, toTensor(input)]));
}

const OPS = {
  1: [gmrConv1d, gmrConv1dTranspose],
  2: [gmrConv2d, gmrConv2dTranspose],
  3: [gmrConv3d, gmrConv3dTranspose],
} as const;

/** Runs the op of a problem on the given tensors. */
export function convolve(
  { problem }: SolvedProblem,
  inputs: ReadonlyMap<InputName, tf.Tensor>,
  strategy: Strategy,
): tf.Tensor {
  const { numRings: _, transposed, ...rest } = problem.options;
  const options: GmrConvOptions = {
    ...rest,
    logSigmas: inputs.get("logSigmas") as tf.Tensor1D | undefined,
    masks: inputs.get("masks") as tf.Tensor2D | undefined,
    bias: inputs.get("bias") as tf.Tensor1D | undefined,
    strategy,
  };
  // The ops differ only in the rank of x.
  const op = OPS[problem.rank ?? 2][transposed ? 1 : 0] as typeof gmrConv2d;
  return op(inputs.get("x") as tf.Tensor4D, inputs.get("weights") as tf.Tensor3D, options);
}

export function toTensor({ data, shape }: Expected): tf.Tensor {
  return tf.tensor(Float32Array.from(data), [...shape], "float32");
}

export async function checkAndDispose(
  what: string,
  kind: ResultKind,
  actual: tf.Tensor,
  expected: Expected,
): Promise<void> {
  await checkClose(what, kind, actual, expected);
  actual.dispose();
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
