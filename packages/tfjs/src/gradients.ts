// The gradients of our kernels, and those of stock kernels that TensorFlow.js lacks or has wrong.

import * as tf from "@tensorflow/tfjs";
import {
  AddRelu,
  BatchNormTraining,
  type BatchNormTrainingAttrs,
  BatchNormTrainingGrad,
  BatchNormTrainingParamGrad,
  PositionConv,
  PositionConvBackpropFilter,
  PositionConvBackpropInput,
  ReluGrad,
  RingConv,
  type RingConvAttrs,
  RingConvBackpropFilter,
  RingConvBackpropInput,
  RingMix,
  RingMixBackpropSigmas,
  RingMixBackpropWeights,
  runKernel,
  runKernelMulti,
  ScaleRows,
} from "./kernels.ts";
import { releaseGradientsBefore } from "./releaseGradients.ts";
import { secondGradients } from "./secondGradients.ts";
import { broadcastingGradients, STOCK_GRADIENTS } from "./stockGradients.ts";

let registered = false;

/**
 * Tells TensorFlow.js the gradients of our kernels, and those of stock kernels that it lacks or has wrong (transposed
 * 3-D convolution, average pooling with padding, resizing). Done by the ops when they are first used, and by
 * `registerLayers`.
 */
export function registerGradients(): void {
  if (registered) return;
  registered = true;
  for (const { kernelName, inputsToSave, outputsToSave, gradFuncs } of STOCK_GRADIENTS) {
    register({
      kernelName,
      inputsToSave,
      ...(outputsToSave && { outputsToSave }),
      gradFunc: (dy, saved, attrs) =>
        Object.fromEntries(
          Object.entries(gradFuncs).map(([input, gradient]) => [
            input,
            () => gradient(single(dy), saved, attrs),
          ]),
        ),
    });
  }
  for (const config of [...broadcastingGradients(), ...secondGradients()]) tf.registerGradient(config);
  registerConvGradients(RingConv, RingConvBackpropInput, RingConvBackpropFilter);
  registerConvGradients(PositionConv, PositionConvBackpropInput, PositionConvBackpropFilter);
  register({
    kernelName: BatchNormTraining.name,
    inputsToSave: ["x", "gamma", "beta"],
    outputsToSave: [false, true, true],
    gradFunc: (dy, [x, gamma, beta, mean, variance], attrs) => {
      const batchNorm = attrs as BatchNormTrainingAttrs;
      const inputs = { dy: single(dy), x, gamma, beta, mean, variance };
      const param = (i: number) => () => runKernelMulti(BatchNormTrainingParamGrad, inputs, batchNorm)[i];
      return {
        x: () => runKernel(BatchNormTrainingGrad, inputs, batchNorm),
        gamma: param(0),
        beta: param(1),
      };
    },
  });
  register({
    kernelName: RingMix.name,
    inputsToSave: ["weights", "logSigmas"],
    gradFunc: (dy, [weights, logSigmas]) => ({
      weights: () => runKernel(RingMixBackpropWeights, { dy: single(dy), logSigmas }, {}),
      logSigmas: () => runKernel(RingMixBackpropSigmas, { dy: single(dy), weights, logSigmas }, {}),
    }),
  });
  register({
    kernelName: ScaleRows.name,
    inputsToSave: ["scale"],
    gradFunc: (dy, [scale]) => ({ x: () => runKernel(ScaleRows, { x: single(dy), scale }, {}) }),
  });
  register({
    kernelName: AddRelu.name,
    outputsToSave: [true],
    gradFunc: (dy, [y]) => {
      // Both inputs have the same gradient: the second gets the data of the first.
      let first: tf.Tensor | undefined;
      const gradient = (): tf.Tensor => {
        if (first && !first.isDisposed) return first.clone();
        first = runKernel(ReluGrad, { dy: single(dy), y }, {});
        return first;
      };
      return { a: gradient, b: gradient };
    },
  });
}

/** Each of the three kernels is linear in both of its inputs, and its gradients are the other two. */
function registerConvGradients(
  forward: typeof RingConv,
  backpropInput: typeof RingConvBackpropInput,
  backpropFilter: typeof RingConvBackpropFilter,
): void {
  register({
    kernelName: forward.name,
    inputsToSave: ["x", "weights"],
    gradFunc: (dy, [x, weights], attrs) => ({
      x: () => runKernel(backpropInput, { dy: single(dy), weights }, attrs as RingConvAttrs),
      weights: () => runKernel(backpropFilter, { x, dy: single(dy) }, attrs as RingConvAttrs),
    }),
  });
  // The transposed convolution; its gradients are those of the convolution with the roles of x and dy exchanged.
  register({
    kernelName: backpropInput.name,
    inputsToSave: ["dy", "weights"],
    gradFunc: (dx, [dy, weights], attrs) => ({
      dy: () => runKernel(forward, { x: single(dx), weights }, attrs as RingConvAttrs),
      weights: () => runKernel(backpropFilter, { x: single(dx), dy }, attrs as RingConvAttrs),
    }),
  });
  register({
    kernelName: backpropFilter.name,
    inputsToSave: ["x", "dy"],
    gradFunc: (ddw, [x, dy], attrs) => ({
      x: () => runKernel(backpropInput, { dy, weights: single(ddw) }, attrs as RingConvAttrs),
      dy: () => runKernel(forward, { x, weights: single(ddw) }, attrs as RingConvAttrs),
    }),
  });
}

/** Registers a gradient that frees what the nodes processed before it no longer need. */
function register({ gradFunc, ...config }: tf.GradConfig): void {
  tf.registerGradient({
    ...config,
    gradFunc: (dy, saved, attrs) => {
      releaseGradientsBefore(dy);
      return gradFunc(dy, saved, attrs);
    },
  });
}

function single(dy: tf.Tensor | tf.Tensor[]): tf.Tensor {
  return Array.isArray(dy) ? dy[0] : dy;
}
