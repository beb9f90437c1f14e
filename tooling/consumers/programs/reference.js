// The losses on plain arrays, with the mathematics of core alone.

import * as problem from "./problem.js";

/**
 * @param core the exports of `@gmr-conv/core/reference`
 * @returns the mean squared error before each step of gradient descent
 */
export function losses({ referenceGmrConv, referenceGmrConvGrad }) {
  const { SHAPE, KERNEL_SIZE, STEPS, RATE, x, target } = problem;
  const options = { kernelSize: [KERNEL_SIZE, KERNEL_SIZE], pad: "same" };
  const parameters = { weights: problem.weights, logSigmas: problem.logSigmas, bias: problem.bias };
  const found = [];
  for (let step = 0; step < STEPS; step++) {
    const { y } = referenceGmrConv(x, SHAPE, parameters, options);
    const errors = Array.from(y, (value, i) => value - target[i]);
    found.push(errors.reduce((sum, error) => sum + error * error, 0) / errors.length);
    const gradY = errors.map((error) => (2 * error) / errors.length);
    const gradients = referenceGmrConvGrad(x, SHAPE, parameters, gradY, options);
    for (const name of Object.keys(parameters)) {
      parameters[name] = Array.from(parameters[name], (value, i) => value - RATE * gradients[name][i]);
    }
  }
  return found;
}
