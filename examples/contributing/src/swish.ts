// The op of docs/contributing/op.md.

import { GmrError } from "@gmr-conv/core";
import { type KernelDeclaration, runOrCompose } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";

export interface SwishAttrs extends tf.NamedAttrMap {
  beta: number;
}

/** y = x · σ(βx). */
export const Swish: KernelDeclaration<{ x: tf.TensorInfo }, SwishAttrs> = {
  name: "Swish",
  check({ x }) {
    if (x.dtype === "float32") return;
    throw new GmrError("invalid-argument", `x must have dtype float32, got ${x.dtype}`);
  },
  gradient: {
    inputs: ["x"],
    compute: ([dy], [x], { beta }) => ({ x: () => tf.tidy(() => dy.mul(slope(x, beta))) }),
  },
};

/** dy/dx = σ(βx) · (1 + βx · (1 - σ(βx))), in stock ops, so that it can be differentiated again. */
function slope(x: tf.Tensor, beta: number): tf.Tensor {
  const scaled = x.mul(beta);
  const sigmoid = scaled.sigmoid();
  return sigmoid.mul(scaled.mul(tf.sub(1, sigmoid)).add(1));
}

/**
 * x · σ(βx), in one pass where the backend has the kernel. Differentiable on every backend.
 * @throws GmrError `invalid-argument` for other dtypes than float32
 */
export function swish<T extends tf.Tensor>(x: T, beta = 1): T {
  Swish.check?.({ x }, { beta });
  return runOrCompose(Swish, { x }, { beta }, () => x.mul(x.mul(beta).sigmoid())) as T;
}
