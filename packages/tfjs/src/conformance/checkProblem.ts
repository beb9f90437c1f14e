// Computes a convolution to test on the active backend, and compares it with the reference.

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
import { checkAndDispose, toTensor } from "./compare.ts";
import type { ConvProblem, InputName, SolvedProblem } from "./convProblem.ts";

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
