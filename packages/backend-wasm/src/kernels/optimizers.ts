// Optimiser steps.

import { product } from "@gmr-conv/core";
import { AdamWUpdate, SgdUpdate } from "@gmr-conv/tfjs";
import { wasm } from "../state.ts";

export const optimizerKernels = [
  wasm.kernel(AdamWUpdate, ({ parameter, gradient, first, second }, attrs, state) => {
    const [next, nextFirst, nextSecond] = [parameter, first, second].map(({ shape }) => state.output(shape));
    const { learningRate, beta1, beta2, epsilon, weightDecay, step } = attrs;
    const [p, g, m, v] = state.addresses(parameter, gradient, first, second);
    const [pOut, mOut, vOut] = state.addresses(next, nextFirst, nextSecond);
    state.splitFloats("adamW", product(parameter.shape), (bytes, length) => [
      p + bytes,
      g + bytes,
      m + bytes,
      v + bytes,
      pOut + bytes,
      mOut + bytes,
      vOut + bytes,
      length,
      beta1,
      1 - beta1,
      beta2,
      1 - beta2,
      1 - learningRate * weightDecay,
      learningRate / (1 - beta1 ** step),
      1 / (1 - beta2 ** step),
      epsilon,
    ]);
    return [next, nextFirst, nextSecond];
  }),

  wasm.kernel(SgdUpdate, ({ parameter, gradient, velocity }, attrs, state) => {
    const [next, nextVelocity] = [parameter, velocity].map(({ shape }) => state.output(shape));
    const { learningRate, momentum, weightDecay } = attrs;
    const [p, g, v] = state.addresses(parameter, gradient, velocity);
    const [pOut, vOut] = state.addresses(next, nextVelocity);
    state.splitFloats("sgd", product(parameter.shape), (bytes, length) => [
      p + bytes,
      g + bytes,
      v + bytes,
      pOut + bytes,
      vOut + bytes,
      length,
      momentum,
      1 - learningRate * weightDecay,
      learningRate,
    ]);
    return [next, nextVelocity];
  }),
];
