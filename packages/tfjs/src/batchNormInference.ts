// Batch normalisation with given statistics and the rectifier that follows it, as one op.

import * as tf from "@tensorflow/tfjs";
import { differentiated } from "./differentiate.ts";
import { checkNorm } from "./kernels/checks.ts";
import type { KernelDeclaration } from "./kernels/declaration.ts";
import { runOrCompose } from "./kernels/run.ts";

const INPUTS = ["x", "mean", "variance", "gamma", "beta"] as const;

type Inputs = Record<(typeof INPUTS)[number], tf.Tensor>;

export interface BatchNormInferenceAttrs extends tf.NamedAttrMap {
  epsilon: number;
  /** y = v where v > 0, else slope · v: 1 for no rectifier, 0 for ReLU. */
  slope: number;
}

/** v = (x - mean) / √(variance + ε) · gamma + beta of x [..., C] with vectors [C], rectified. */
export const BatchNormInference: KernelDeclaration<
  Record<(typeof INPUTS)[number], tf.TensorInfo>,
  BatchNormInferenceAttrs
> = {
  name: "BatchNormInference",
  check: ({ x, ...vectors }) => checkNorm(x, {}, vectors, false),
  gradient: {
    inputs: INPUTS,
    compute: ([dy], saved, attrs) =>
      differentiated(
        (x, mean, variance, gamma, beta) => composed({ x, mean, variance, gamma, beta }, attrs),
        INPUTS,
        saved,
        dy,
      ),
  },
};

/** As {@link BatchNormInference}, on every backend, differentiable. */
export function batchNormInference(inputs: Inputs, attrs: BatchNormInferenceAttrs): tf.Tensor {
  return runOrCompose(BatchNormInference, { ...inputs }, attrs, () => composed(inputs, attrs));
}

function composed({ x, mean, variance, gamma, beta }: Inputs, { epsilon, slope }: BatchNormInferenceAttrs) {
  const rows = x.rank === 4 ? x : x.reshape([-1, 1, 1, gamma.size]);
  const [m, v, b, g] = [mean, variance, beta, gamma] as tf.Tensor1D[];
  const y = tf.batchNorm(rows as tf.Tensor4D, m, v, b, g, epsilon).reshape(x.shape);
  if (slope === 1) return y;
  return slope === 0 ? y.relu() : tf.leakyRelu(y, slope);
}
