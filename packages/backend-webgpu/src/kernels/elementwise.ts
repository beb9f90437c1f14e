// What stock ops need many launches for: adding and rectifying, and the steps of the optimisers.

import { AdamWUpdate, AddRelu, kernelConfig, ReluGrad, SgdUpdate } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import { backendOf } from "../backend.ts";
import { elements, makeTensor, run, type Shader } from "../program.ts";

/** A shader that gives every element of the result the value of an expression of `i`, the element's index. */
function elementwise(name: string, inputs: string[], uniforms: string[], value: string): Shader {
  return {
    name,
    inputs: Object.fromEntries(inputs.map((input) => [input, 1 as const])),
    output: 1,
    uniforms: ["total", ...uniforms],
    code: `
      fn main(index : i32) {
        if (index >= uniforms.total) { return; }
        let i = index;
        result[i] = ${value};
      }`,
  };
}

function compute(
  stockBackend: object,
  shader: Shader,
  inputs: readonly tf.TensorInfo[],
  uniforms: Readonly<Record<string, number>> = {},
): tf.TensorInfo {
  const backend = backendOf(stockBackend);
  const y = makeTensor(backend, inputs[0].shape);
  const total = elements(y);
  if (total > 0) run(backend, shader, inputs, { total, ...uniforms }, total, y);
  return y;
}

// Not max: that would hide NaN.
const ADD_RELU = elementwise("add-relu", ["a", "b"], [], "select(a[i] + b[i], 0.0, a[i] + b[i] < 0.0)");

const RELU_GRADIENT = elementwise("relu-gradient", ["dy", "y"], [], "select(0.0, dy[i], y[i] > 0.0)");

export const addReluConfig = kernelConfig(AddRelu, "webgpu", ({ a, b }, _attrs, backend) =>
  compute(backend, ADD_RELU, [a, b]),
);

export const reluGradConfig = kernelConfig(ReluGrad, "webgpu", ({ dy, y }, _attrs, backend) =>
  compute(backend, RELU_GRADIENT, [dy, y]),
);

// A shader has one output: every part of an optimiser's state gets one of its own.

const FIRST_MOMENT = elementwise(
  "first-moment",
  ["first", "gradient"],
  ["fBeta", "fShare"],
  "uniforms.fBeta * first[i] + uniforms.fShare * gradient[i]",
);

const SECOND_MOMENT = elementwise(
  "second-moment",
  ["second", "gradient"],
  ["fBeta", "fShare"],
  "uniforms.fBeta * second[i] + uniforms.fShare * gradient[i] * gradient[i]",
);

const ADAM_W = elementwise(
  "adam-w",
  ["parameter", "first", "second"],
  ["fDecay", "fRate", "fCorrection", "fEpsilon"],
  `uniforms.fDecay * parameter[i]
    - uniforms.fRate * first[i] / (sqrt(second[i] * uniforms.fCorrection) + uniforms.fEpsilon)`,
);

export const adamWUpdateConfig = kernelConfig(
  AdamWUpdate,
  "webgpu",
  ({ parameter, gradient, first, second }, attrs, backend) => {
    const { learningRate, beta1, beta2, epsilon, weightDecay, step } = attrs;
    const m = compute(backend, FIRST_MOMENT, [first, gradient], { fBeta: beta1, fShare: 1 - beta1 });
    const v = compute(backend, SECOND_MOMENT, [second, gradient], { fBeta: beta2, fShare: 1 - beta2 });
    const next = compute(backend, ADAM_W, [parameter, m, v], {
      fDecay: 1 - learningRate * weightDecay,
      fRate: learningRate / (1 - beta1 ** step),
      fCorrection: 1 / (1 - beta2 ** step),
      fEpsilon: epsilon,
    });
    return [next, m, v];
  },
);

const VELOCITY = elementwise(
  "velocity",
  ["velocity", "gradient"],
  ["fMomentum"],
  "uniforms.fMomentum * velocity[i] + gradient[i]",
);

const SGD = elementwise(
  "sgd",
  ["parameter", "velocity", "gradient"],
  ["fDecay", "fRate", "fMomentum"],
  "uniforms.fDecay * parameter[i] - uniforms.fRate * (uniforms.fMomentum * velocity[i] + gradient[i])",
);

export const sgdUpdateConfig = kernelConfig(
  SgdUpdate,
  "webgpu",
  ({ parameter, gradient, velocity }, { learningRate, momentum, weightDecay }, backend) => {
    const v = compute(backend, VELOCITY, [velocity, gradient], { fMomentum: momentum });
    const next = compute(backend, SGD, [parameter, v, gradient], {
      fDecay: 1 - learningRate * weightDecay,
      fRate: learningRate,
      fMomentum: momentum,
    });
    return [next, v];
  },
);
