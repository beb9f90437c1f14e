// Kernels called with tensors that do not fit each other: they must throw, and not read past a tensor's end.

import { GmrError } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { AddRelu, ReluGrad } from "../addRelu.ts";
import { BatchNormTraining, BatchNormTrainingGrad, BatchNormTrainingParamGrad } from "../batchNorm.ts";
import type { KernelDeclaration } from "../kernels/declaration.ts";
import { RingConv, RingConvBackpropFilter, RingConvBackpropInput } from "../kernels/ringConv.ts";
import { RingMix, RingMixBackpropSigmas, RingMixBackpropWeights } from "../mixture.ts";
import { AdamWUpdate, SgdUpdate } from "../optimizerSteps.ts";
import { ScaleRows } from "../scalePositions.ts";
import { type ConformanceCase, defineCase } from "./conformanceCase.ts";

const conv = {
  kernelSize: [3, 3],
  ringIndex: [-1, 1, -1, 1, 0, 1, -1, 1, -1],
  numRings: 2,
  strides: [1, 1],
  dilations: [1, 1],
  padBefore: [1, 1],
  inputSize: [4, 5],
  outputSize: [4, 5],
};
const norm = { epsilon: 1e-5, relu: false };
const step = {
  learningRate: 1,
  beta1: 0.9,
  beta2: 0.99,
  epsilon: 1e-8,
  weightDecay: 0,
  step: 1,
  momentum: 0.9,
};

type Misfit = readonly [
  kernel: KernelDeclaration<never, never>,
  shapes: Readonly<Record<string, readonly number[]>>,
  attrs: tf.NamedAttrMap,
];

const kernel = (declaration: { name: string }) => declaration as KernelDeclaration<never, never>;
const vectors = { gamma: [3], beta: [3] };
const moments = { ...vectors, mean: [3], variance: [3] };

const MISFITS: readonly Misfit[] = [
  [kernel(RingConv), { x: [1, 4, 5, 3], weights: [2, 4, 2] }, conv],
  [kernel(RingConv), { x: [1, 4, 4, 3], weights: [2, 3, 2] }, conv],
  [kernel(RingConv), { x: [1, 4, 5, 3], weights: [1, 3, 2] }, conv],
  [
    kernel(RingConv),
    { x: [1, 4, 5, 3], weights: [2, 3, 2] },
    { ...conv, ringIndex: [2, 1, 2, 1, 0, 1, 2, 1, 2] },
  ],
  [kernel(RingConv), { x: [1, 4, 5, 3], weights: [2, 3, 2] }, { ...conv, padBefore: [1] }],
  [kernel(RingConvBackpropInput), { dy: [1, 5, 5, 2], weights: [2, 3, 2] }, conv],
  [kernel(RingConvBackpropInput), { dy: [1, 4, 5, 1], weights: [2, 3, 2] }, conv],
  [kernel(RingConvBackpropFilter), { x: [2, 4, 5, 3], dy: [1, 4, 5, 2] }, conv],
  [kernel(RingConvBackpropFilter), { x: [1, 4, 5, 3], dy: [1, 4, 6, 2] }, conv],
  [kernel(BatchNormTraining), { x: [4, 3], gamma: [2], beta: [3] }, norm],
  [kernel(BatchNormTraining), { x: [4, 3], gamma: [3], beta: [] }, norm],
  [kernel(BatchNormTrainingGrad), { dy: [3, 3], x: [4, 3], ...moments }, norm],
  [kernel(BatchNormTrainingGrad), { dy: [4, 3], x: [4, 3], ...moments, mean: [1] }, norm],
  [kernel(BatchNormTrainingParamGrad), { dy: [4, 3], x: [4, 3], ...moments, variance: [4] }, norm],
  [kernel(RingMix), { weights: [3, 1, 1], logSigmas: [50] }, {}],
  [kernel(RingMix), { weights: [5, 1, 1], logSigmas: [3] }, {}],
  [kernel(RingMixBackpropWeights), { dy: [3, 2, 2], logSigmas: [2] }, {}],
  [kernel(RingMixBackpropSigmas), { dy: [3, 2, 2], weights: [3, 2, 1], logSigmas: [3] }, {}],
  [kernel(AddRelu), { a: [2, 3], b: [2, 2] }, {}],
  [kernel(ReluGrad), { dy: [2], y: [3] }, {}],
  [kernel(ScaleRows), { x: [1, 2, 2, 3], scale: [3] }, {}],
  [kernel(AdamWUpdate), { parameter: [4], gradient: [3], first: [4], second: [4] }, step],
  [kernel(SgdUpdate), { parameter: [4], gradient: [4], velocity: [2, 2] }, step],
];

/** Every kernel, with tensors of wrong shapes. */
export function misfitCases(): ConformanceCase[] {
  return MISFITS.map(([{ name }, shapes, attrs]) => {
    const list = Object.entries(shapes).map(([input, shape]) => `${input} [${shape}]`);
    if ("ringIndex" in attrs) list.push(`attributes ${JSON.stringify(attrs)}`);
    return defineCase(`${name} refuses ${list.join(", ")}`, async () => {
      try {
        tf.tidy(() => {
          const inputs = Object.fromEntries(
            Object.entries(shapes).map(([key, shape]) => [key, tf.ones([...shape])]),
          );
          tf.engine().runKernel(name, inputs, attrs);
        });
      } catch (error) {
        if (error instanceof GmrError && ["invalid-shape", "invalid-argument"].includes(error.code)) return;
        throw error;
      }
      throw new GmrError(
        "invalid-data",
        `${name} on backend "${tf.getBackend()}" accepts tensors that do not fit`,
      );
    }, [name]);
  });
}
