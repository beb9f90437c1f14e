// Gradients of stock kernels that TensorFlow.js lacks or gets wrong. Our own kernels declare theirs.

import { once } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { releaseGradientsBefore } from "./releaseGradients.ts";
import { secondGradients } from "./secondGradients.ts";
import { broadcastingGradients, STOCK_GRADIENTS } from "./stockGradients.ts";

/** Common stock kernels whose gradients are new tensors, never dy itself, which is released before the next node. */
const RELEASED = [tf.Reshape, tf.BatchMatMul, tf.Conv2D];

/**
 * Corrects the gradients of TensorFlow.js's own kernels (transposed 3-D convolution, padded average pooling, resizing,
 * gradients of gradients). The ops of this package and `registerLayers` call it; call it yourself in a program that
 * uses neither.
 */
export const mendGradients = once((): void => {
  for (const { kernelName, inputsToSave, outputsToSave, gradFuncs } of STOCK_GRADIENTS) {
    tf.registerGradient({
      kernelName,
      inputsToSave,
      ...(outputsToSave && { outputsToSave }),
      gradFunc: (dy, saved, attrs) => {
        releaseGradientsBefore(dy, saved);
        const [first] = Array.isArray(dy) ? dy : [dy];
        return Object.fromEntries(
          Object.entries(gradFuncs).map(([input, gradient]) => [input, () => gradient(first, saved, attrs)]),
        );
      },
    });
  }
  for (const kernelName of RELEASED) {
    const stock = tf.getGradient(kernelName);
    if (!stock) continue;
    const gradFunc: tf.GradFunc = (dy, saved, attrs) => {
      releaseGradientsBefore(dy, saved);
      return stock.gradFunc(dy, saved, attrs);
    };
    tf.registerGradient({ ...stock, gradFunc });
  }
  for (const config of [...broadcastingGradients(), ...secondGradients()]) tf.registerGradient(config);
});
