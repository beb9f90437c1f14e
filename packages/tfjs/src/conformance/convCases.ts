import { GmrError, type Rank } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { gmrConv } from "../conv.ts";
import type { Strategy } from "../options.ts";
import { checkGradients, checkProblem, convolve, inputTensors, strategiesFor } from "./checkProblem.ts";
import { checkCount, toTensor } from "./compare.ts";
import { type ConformanceCase, defineCase } from "./conformanceCase.ts";
import { type ConvProblem, describeProblem, type InputName, solve } from "./convProblem.ts";
import { FIXED_PROBLEMS, randomProblems } from "./convProblems.ts";

/** y and all gradients, on both strategies, for a fixed list of convolutions and random ones of each rank. */
export function convCases(randomCases: number, seed: number): ConformanceCase[] {
  return [
    ...FIXED_PROBLEMS.map((problem) =>
      defineCase(describeProblem(problem), () => checkEveryStrategy(problem, 1)),
    ),
    ...NO_IMAGES.map(emptyCase),
    ...([1, 2, 3] as const).flatMap((rank) => randomCaseBlocks(rank, randomCases, seed)),
    ...([1, 2, 3] as const).flatMap((rank) => randomCaseBlocks(rank, Math.ceil(randomCases / 5), seed, true)),
  ];
}

const NO_IMAGES: readonly ConvProblem[] = [
  { shape: [0, 6, 6, 3], outChannels: 2, options: { kernelSize: 3, pad: "valid" } },
  { shape: [0, 9, 9, 3], outChannels: 2, options: { kernelSize: 5, pad: 1, strides: [2, 1] } },
  { shape: [0, 9, 9, 3], outChannels: 3, options: { kernelSize: 5, pad: 2, groups: 3 } },
  { rank: 3, shape: [0, 5, 6, 5, 3], outChannels: 2, options: { kernelSize: 3, strides: 2 } },
];

/** An empty batch has the same shape apart from its size. */
function emptyCase(problem: ConvProblem): ConformanceCase {
  return defineCase(`no images: ${describeProblem(problem)}`, async () => {
    const { rank = 2, shape, outChannels, options } = problem;
    for (const strategy of strategiesFor(problem)) {
      const [empty, one] = tf.tidy(() => {
        const rings = options.kernelSize === 5 ? 3 : 2;
        const weights = tf.ones<tf.Rank.R3>([rings, 3 / (options.groups ?? 1), outChannels]);
        const apply = (images: number): tf.Tensor =>
          gmrConv(rank, tf.zeros([images, ...shape.slice(1)]), weights, { ...options, strategy });
        return [apply(0), apply(1)].map(({ shape }) => shape);
      });
      if (empty.join() === [0, ...one.slice(1)].join()) continue;
      throw new GmrError(
        "invalid-shape",
        `y (${strategy}) has shape [${empty}] for no images, [${one}] for one`,
      );
    }
  });
}

/** How many random problems share a case: they are too many for one line each. */
const BLOCK = 50;

function randomCaseBlocks(rank: Rank, count: number, seed: number, byChannel = false): ConformanceCase[] {
  return Array.from({ length: Math.ceil(count / BLOCK) }, (_, block) => {
    const size = Math.min(BLOCK, count - block * BLOCK);
    const first = block * BLOCK;
    const blockSeed = 1000 * (seed + block) + rank;
    return defineCase(
      `random ${rank}-D ${byChannel ? "depthwise " : ""}convolutions ${first} to ${first + size - 1}, seed ${blockSeed}`,
      async () => {
        for (const [i, problem] of randomProblems(size, rank, blockSeed, byChannel).entries()) {
          try {
            await checkEveryStrategy(problem, blockSeed + i);
          } catch (error) {
            if (!(error instanceof GmrError)) throw error;
            throw new GmrError(error.code, `${describeProblem(problem)}: ${error.message}`, { cause: error });
          }
        }
      },
    );
  });
}

async function checkEveryStrategy(problem: ConvProblem, seed: number): Promise<void> {
  const solved = solve(problem, seed);
  for (const strategy of strategiesFor(problem)) await checkProblem(solved, strategy);
}

const SMALL: ConvProblem = { shape: [2, 6, 7, 5], outChannels: 6, options: { kernelSize: 5, pad: 2 } };
const GROUPED: ConvProblem = {
  shape: [2, 6, 7, 6],
  outChannels: 4,
  options: { kernelSize: 3, pad: 1, groups: 2, padMode: "reflect", strides: 2 },
};

const VOLUME: ConvProblem = {
  rank: 3,
  shape: [1, 4, 5, 4, 3],
  outChannels: 4,
  options: { kernelSize: 3, pad: 1 },
};
const TRANSPOSED: ConvProblem = {
  shape: [2, 4, 5, 6],
  outChannels: 4,
  options: { kernelSize: 3, pad: 1, groups: 2, strides: 2, outputPadding: 1, transposed: true },
};
const TRANSPOSED_VOLUME: ConvProblem = {
  rank: 3,
  shape: [1, 3, 3, 4, 2],
  outChannels: 3,
  options: { kernelSize: 3, strides: 2, transposed: true },
};
const DEPTHWISE: ConvProblem = {
  shape: [2, 6, 7, 5],
  outChannels: 5,
  options: { kernelSize: 5, pad: 2, groups: 5 },
};
const SAMPLES = [SMALL, GROUPED, DEPTHWISE, VOLUME, TRANSPOSED, TRANSPOSED_VOLUME];

/** Gradients of some of the inputs only: a backend must not rely on all being requested. */
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
    SAMPLES.map((problem) =>
      defineCase(`gradient of ${wanted.join(", ")} alone, ${describeProblem(problem)}`, async () => {
        const solved = solve(problem);
        for (const strategy of ["ring", "dense"] as const) await checkGradients(solved, wanted, strategy);
      }),
    ),
  );
}

/** The forward pass makes one tensor, the gradient one per input; both leave nothing else, on every call. */
export function leakCases(): ConformanceCase[] {
  return SAMPLES.flatMap((problem) =>
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
