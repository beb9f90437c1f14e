// The losses of the same problem with a layer of TensorFlow.js, on the active backend.

import { gmrConv2dLayer } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import * as problem from "./problem.js";

/** @returns the mean squared error before each step of gradient descent */
export async function losses() {
  const { SHAPE, FILTERS, KERNEL_SIZE, RINGS, STEPS, RATE } = problem;
  const layer = gmrConv2dLayer({
    inputShape: SHAPE.slice(1),
    filters: FILTERS,
    kernelSize: KERNEL_SIZE,
    padding: "same",
    ringBasis: "rings",
  });
  tf.sequential({ layers: [layer] });
  layer.setWeights([
    tf.tensor(problem.weights, [RINGS, SHAPE[3], FILTERS]),
    tf.tensor(problem.logSigmas),
    tf.tensor(problem.bias),
  ]);
  const x = tf.tensor(problem.x, SHAPE);
  const target = tf.tensor(problem.target, [...SHAPE.slice(0, 3), FILTERS]);
  const optimizer = tf.train.sgd(RATE);
  const found = [];
  for (let step = 0; step < STEPS; step++) {
    const loss = optimizer.minimize(() => tf.losses.meanSquaredError(target, layer.apply(x)), true);
    found.push((await loss.data())[0]);
  }
  return found;
}
