// The small fused ops of a training step: addRelu and the optimiser steps.

import { GmrError, product, Random } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { AddRelu, addRelu, ReluGrad } from "../addRelu.ts";
import { batchNormTraining } from "../batchNorm.ts";
import {
  type AdamWAttrs,
  AdamWUpdate,
  adamWUpdate,
  type SgdAttrs,
  SgdUpdate,
  sgdUpdate,
} from "../optimizerSteps.ts";
import { RepeatChannels } from "../repeatChannels.ts";
import { ScaleRows } from "../scalePositions.ts";
import { checkAndDispose, toTensor } from "./compare.ts";
import { type ConformanceCase, defineCase } from "./conformanceCase.ts";
import { misfitCase } from "./misfitCase.ts";
import { type OptimizerState, referenceAdamW, referenceSgd } from "./reference.ts";

const SHAPES = [[1], [3], [5, 7], [2, 4, 4, 16], [3, 3, 11]];

export function elementwiseCases(): ConformanceCase[] {
  return [
    ...SHAPES.map(addReluCase),
    nanCase(),
    ...SHAPES.flatMap((shape) => [
      optimizerCase("adamWUpdate", shape, 3, adamWStep),
      optimizerCase("sgdUpdate", shape, 2, sgdStep),
    ]),
    misfitCase(AddRelu, { a: [2, 3], b: [2, 2] }, {}),
    misfitCase(ReluGrad, { dy: [2], y: [3] }, {}),
    misfitCase(RepeatChannels, { x: [2, 3] }, { times: 0.5 }),
    misfitCase(ScaleRows, { x: [1, 2, 2, 3], scale: [3] }, {}),
    misfitCase(AdamWUpdate, { parameter: [4], gradient: [3], first: [4], second: [4] }, adamW(1)),
    misfitCase(SgdUpdate, { parameter: [4], gradient: [4], velocity: [2, 2] }, sgd),
  ];
}

function normals(seed: number, shape: readonly number[]): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: product(shape) }, () => random.normal());
}

function addReluCase(shape: readonly number[]): ConformanceCase {
  return defineCase(`addRelu, x [${shape}]`, async () => {
    const [a, b, dy] = [1, 2, 3].map((seed) => normals(seed, shape));
    const sums = Float64Array.from(a, (value, i) => value + b[i]);
    const expected = { data: sums.map((sum) => Math.max(0, sum)), shape };
    const gradient = { data: sums.map((sum, i) => (sum > 0 ? dy[i] : 0)), shape };
    const [left, right, gradY] = [a, b, dy].map((data) => toTensor({ data, shape }));
    await checkAndDispose("y", "output", addRelu(left, right), expected);
    const [gradA, gradB] = tf.grads((x: tf.Tensor, y: tf.Tensor) => addRelu(x, y))([left, right], gradY);
    await checkAndDispose("the gradient of a", "gradient", gradA, gradient);
    await checkAndDispose("the gradient of b", "gradient", gradB, gradient);
    tf.dispose([left, right, gradY]);
  });
}

/** NaN must stay NaN: training checks the loss for it. */
function nanCase(): ConformanceCase {
  return defineCase("rectifiers keep NaN", async () => {
    const [a, b] = [tf.tensor1d([Number.NaN, -1, 2, -3]), tf.zeros([4])];
    const sum = addRelu(a, b);
    const x = tf.tensor2d([Number.NaN, 1, 2, 3], [4, 1]);
    const [gamma, beta] = [tf.tensor1d([1]), tf.tensor1d([0])];
    const { y, mean, variance } = batchNormTraining(x, gamma, beta, 1e-5, true);
    const [sums, rows] = [await sum.data(), await y.data()];
    tf.dispose([a, b, sum, x, gamma, beta, y, mean, variance]);
    const right = Number.isNaN(sums[0]) && sums[1] === 0 && sums[2] === 2 && sums[3] === 0;
    if (!right) throw new GmrError("invalid-data", `addRelu of [NaN, -1, 2, -3] and 0 gives [${sums}]`);
    if (!rows.every(Number.isNaN)) {
      throw new GmrError("invalid-data", `a channel with NaN normalised and rectified gives [${rows}]`);
    }
  });
}

/** A step of an optimiser on the backend and in the reference. */
interface Step {
  update(state: readonly tf.Tensor[], gradient: tf.Tensor, step: number): tf.Tensor[];
  reference(state: OptimizerState, gradient: ArrayLike<number>, step: number): OptimizerState;
}

const adamW = (step: number): AdamWAttrs => ({
  learningRate: 0.01,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.05,
  step,
});

const sgd: SgdAttrs = { learningRate: 0.05, momentum: 0.9, weightDecay: 0.01 };

const adamWStep: Step = {
  update: ([parameter, first, second], gradient, step) =>
    adamWUpdate(parameter, gradient, first, second, adamW(step)),
  reference: (state, gradient, step) => referenceAdamW(state, gradient, adamW(step)),
};

const sgdStep: Step = {
  update: ([parameter, velocity], gradient) => sgdUpdate(parameter, gradient, velocity, sgd),
  reference: (state, gradient) => referenceSgd(state, gradient, sgd),
};

/** Four steps with changing gradients; the state starts at zero, except for the parameter. */
function optimizerCase(
  name: string,
  shape: readonly number[],
  stateSize: number,
  { update, reference }: Step,
): ConformanceCase {
  return defineCase(`${name}, parameter [${shape}]`, async () => {
    const parameter = normals(1, shape);
    let expected: OptimizerState = Array.from({ length: stateSize }, (_, i) =>
      i === 0 ? Float64Array.from(parameter) : new Float64Array(parameter.length),
    );
    let state = expected.map((data) => toTensor({ data, shape }));
    for (let step = 1; step <= 4; step++) {
      const data = normals(step + 1, shape);
      const gradient = toTensor({ data, shape });
      expected = reference(expected, data, step);
      const next = update(state, gradient, step);
      tf.dispose([state, gradient]);
      state = next;
    }
    for (const [i, tensor] of state.entries()) {
      const what = ["the parameter", "the first state", "the second state"][i];
      await checkAndDispose(`${what} after 4 steps`, "output", tensor, { data: expected[i], shape });
    }
  });
}
