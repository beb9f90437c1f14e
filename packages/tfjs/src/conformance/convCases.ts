import * as tf from "@tensorflow/tfjs";
import type { Strategy } from "../strategy.ts";
import { checkCount } from "./compare.ts";
import { type ConformanceCase, defineCase } from "./conformanceCase.ts";
import {
  type ConvProblem,
  checkGradients,
  checkProblem,
  convolve,
  describeProblem,
  type InputName,
  inputTensors,
  solve,
  strategiesFor,
  toTensor,
} from "./convProblem.ts";
import { FIXED_PROBLEMS, randomProblems } from "./convProblems.ts";

/** y and all gradients of gmrConv2d, on both strategies, for a fixed list of convolutions and random ones. */
export function convCases(randomCases: number, seed: number): ConformanceCase[] {
  return [
    ...FIXED_PROBLEMS.map((problem) => problemCase(describeProblem(problem), problem, 1)),
    ...randomProblems(randomCases, seed).map((problem, i) =>
      problemCase(`random ${i}: ${describeProblem(problem)}`, problem, seed + i),
    ),
  ];
}

function problemCase(name: string, problem: ConvProblem, seed: number): ConformanceCase {
  return defineCase(`gmrConv2d, ${name}`, async () => {
    const solved = solve(problem, seed);
    for (const strategy of strategiesFor(problem)) await checkProblem(solved, strategy);
  });
}

const SMALL: ConvProblem = { shape: [2, 6, 7, 5], outChannels: 6, options: { kernelSize: 5, pad: 2 } };
const GROUPED: ConvProblem = {
  shape: [2, 6, 7, 6],
  outChannels: 4,
  options: { kernelSize: 3, pad: 1, groups: 2, padMode: "reflect", strides: 2 },
};

/** Gradients of some of the inputs only: a backend must not rely on the others being wanted. */
export function partialGradientCases(): ConformanceCase[] {
  const choices: InputName[][] = [
    ["x"],
    ["weights"],
    ["logSigmas"],
    ["bias"],
    ["x", "bias"],
    ["weights", "logSigmas", "bias"],
  ];
  return choices.flatMap((wanted) =>
    [SMALL, GROUPED].map((problem) =>
      defineCase(
        `gmrConv2d, gradient of ${wanted.join(", ")} alone, ${describeProblem(problem)}`,
        async () => {
          const solved = solve(problem);
          for (const strategy of ["ring", "dense"] as const) await checkGradients(solved, wanted, strategy);
        },
      ),
    ),
  );
}

/** The forward pass makes one tensor, the gradient one per input; both leave nothing else, call after call. */
export function leakCases(): ConformanceCase[] {
  return [SMALL, GROUPED].flatMap((problem) =>
    (["ring", "dense"] satisfies Strategy[]).map((strategy) =>
      defineCase(`no tensors leak (${strategy}), ${describeProblem(problem)}`, async () => {
        const solved = solve(problem);
        const inputs = inputTensors(solved);
        const [names, tensors] = [[...inputs.keys()], [...inputs.values()]];
        const gradY = toTensor(solved.gradY);
        const compute = (...given: tf.Tensor[]) =>
          convolve(solved, new Map(names.map((name, i) => [name, given[i]])), strategy);
        for (let step = 0; step < 3; step++) {
          const before = tf.memory().numTensors;
          const y = compute(...tensors);
          checkCount("the number of tensors made by the op", tf.memory().numTensors - before, 1);
          const gradients = tf.grads(compute)(tensors, gradY);
          checkCount(
            "the number of tensors made by the gradient",
            tf.memory().numTensors - before - 1,
            tensors.length,
          );
          tf.dispose([y, gradients]);
        }
        tf.dispose([tensors, gradY]);
      }),
    ),
  );
}
