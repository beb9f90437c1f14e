// The steps of the optimisers. A shader has one output, so each part of an optimiser's state has a shader of its own.

import { AdamWUpdate, SgdUpdate } from "@gmr-conv/tfjs";
import { webGpu } from "../attach.ts";
import { pointwise } from "../pointwise.ts";

const firstMoment = pointwise(
  "first-moment",
  ["first", "gradient"],
  ["fBeta", "fShare"],
  "uniforms.fBeta * first[i] + uniforms.fShare * gradient[i]",
);

const secondMoment = pointwise(
  "second-moment",
  ["second", "gradient"],
  ["fBeta", "fShare"],
  "uniforms.fBeta * second[i] + uniforms.fShare * gradient[i] * gradient[i]",
);

const adamW = pointwise(
  "adam-w",
  ["parameter", "first", "second"],
  ["fDecay", "fRate", "fCorrection", "fEpsilon"],
  `uniforms.fDecay * parameter[i]
    - uniforms.fRate * first[i] / (sqrt(second[i] * uniforms.fCorrection) + uniforms.fEpsilon)`,
);

const nextVelocity = pointwise(
  "velocity",
  ["velocity", "gradient"],
  ["fMomentum"],
  "uniforms.fMomentum * velocity[i] + gradient[i]",
);

const sgd = pointwise(
  "sgd",
  ["parameter", "velocity", "gradient"],
  ["fDecay", "fRate", "fMomentum"],
  "uniforms.fDecay * parameter[i] - uniforms.fRate * (uniforms.fMomentum * velocity[i] + gradient[i])",
);

export const optimizerKernels = [
  webGpu.kernel(AdamWUpdate, ({ parameter, gradient, first, second }, attrs, gpu) => {
    const { learningRate, beta1, beta2, epsilon, weightDecay, step } = attrs;
    const m = firstMoment(gpu, [first, gradient], { fBeta: beta1, fShare: 1 - beta1 });
    const v = secondMoment(gpu, [second, gradient], { fBeta: beta2, fShare: 1 - beta2 });
    const next = adamW(gpu, [parameter, m, v], {
      fDecay: 1 - learningRate * weightDecay,
      fRate: learningRate / (1 - beta1 ** step),
      fCorrection: 1 / (1 - beta2 ** step),
      fEpsilon: epsilon,
    });
    return [next, m, v];
  }),

  webGpu.kernel(SgdUpdate, ({ parameter, gradient, velocity }, attrs, gpu) => {
    const { learningRate, momentum, weightDecay } = attrs;
    const v = nextVelocity(gpu, [velocity, gradient], { fMomentum: momentum });
    const next = sgd(gpu, [parameter, v, gradient], {
      fDecay: 1 - learningRate * weightDecay,
      fRate: learningRate,
      fMomentum: momentum,
    });
    return [next, v];
  }),
];
