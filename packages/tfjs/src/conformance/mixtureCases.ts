import { mixtureMatrix, mixWeights, mixWeightsGrad, Random } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { mixRingWeights, RingMix, RingMixBackpropSigmas, RingMixBackpropWeights } from "../mixture.ts";
import { checkAndDispose, toTensor } from "./compare.ts";
import { type ConformanceCase, defineCase } from "./conformanceCase.ts";
import { drawLogSigmas } from "./convProblem.ts";
import { misfitCase } from "./misfitCase.ts";

const SHAPES = [
  [1, 1, 1],
  [2, 3, 7],
  [5, 4, 4],
  [8, 1, 21],
  [3, 37, 9],
];

/** Weights mixed on the backend, of which a folded kernel is a copy, and the gradients. */
export function mixtureCases(): ConformanceCase[] {
  return [
    ...SHAPES.flatMap((shape) => [mixtureCase(shape, false), mixtureCase(shape, true)]),
    misfitCase(RingMix, { weights: [3, 1, 1], logSigmas: [50] }, {}),
    misfitCase(RingMix, { weights: [5, 1, 1], logSigmas: [3] }, {}),
    misfitCase(RingMixBackpropWeights, { dy: [3, 2, 2], logSigmas: [2] }, {}),
    misfitCase(RingMixBackpropSigmas, { dy: [3, 2, 2], weights: [3, 2, 1], logSigmas: [3] }, {}),
  ];
}

function mixtureCase(shape: readonly number[], clamped: boolean): ConformanceCase {
  const name = `mixRingWeights, weights [${shape}]${clamped ? ", clamped sigmas" : ""}`;
  return defineCase(name, async () => {
    const [numRings, ...inner] = shape;
    const random = new Random(numRings);
    const draw = () =>
      Float32Array.from({ length: inner.reduce((a, b) => a * b, numRings) }, () => random.normal());
    const numbers = { weights: draw(), logSigmas: drawLogSigmas(random, numRings, clamped), dy: draw() };
    const mixed = mixWeights(numbers.weights, mixtureMatrix(numbers.logSigmas), numRings);
    const gradients = mixWeightsGrad(numbers.weights, numbers.logSigmas, numbers.dy);

    const weights = toTensor({ data: numbers.weights, shape });
    const logSigmas = toTensor({ data: numbers.logSigmas, shape: [numRings] });
    const dy = toTensor({ data: numbers.dy, shape });
    const mix = (w: tf.Tensor, s: tf.Tensor) => mixRingWeights(w as tf.Tensor3D, s as tf.Tensor1D);
    await checkAndDispose("the mixed weights", "output", mix(weights, logSigmas), { data: mixed, shape });
    const [gradWeights, gradSigmas] = tf.grads(mix)([weights, logSigmas], dy);
    await checkAndDispose("the gradient of weights", "gradient", gradWeights, {
      data: gradients.weights,
      shape,
    });
    await checkAndDispose("the gradient of logSigmas", "gradient", gradSigmas, {
      data: gradients.logSigmas,
      shape: [numRings],
    });
    tf.dispose([weights, logSigmas, dy]);
  });
}
