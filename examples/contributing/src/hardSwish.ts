// The op of docs/contributing/op.md.

import { GmrError } from "@gmr-conv/core";
import { type KernelDeclaration, runOrCompose } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";

export interface HardSwishAttrs extends tf.NamedAttrMap {
  beta: number;
}

/** y = x · g, g = min(1, max(0, βx + ½)). */
export const HardSwish: KernelDeclaration<{ x: tf.TensorInfo }, HardSwishAttrs> = {
  name: "HardSwish",
  check({ x }) {
    if (x.dtype === "float32") return;
    throw new GmrError("invalid-argument", `x must have dtype float32, got ${x.dtype}`);
  },
  gradient: {
    inputs: ["x"],
    compute: ([dy], [x], { beta }) => ({ x: () => tf.tidy(() => dy.mul(slope(x, beta))) }),
  },
};

const gate = (x: tf.Tensor, beta: number): tf.Tensor => x.mul(beta).add(0.5).clipByValue(0, 1);

/** dy/dx = g + βx where 0 < g < 1, in stock ops, so that it can be differentiated again. */
function slope(x: tf.Tensor, beta: number): tf.Tensor {
  const g = gate(x, beta);
  const isBetween = g.greater(0).logicalAnd(g.less(1)).cast("float32");
  return g.add(x.mul(beta).mul(isBetween));
}

/**
 * x · min(1, max(0, βx + ½)), in one pass where the backend has the kernel. Differentiable on every backend.
 * @throws GmrError `invalid-argument` for other dtypes than float32
 */
export function hardSwish<T extends tf.Tensor>(x: T, beta = 0.2): T {
  HardSwish.check?.({ x }, { beta });
  return runOrCompose(HardSwish, { x }, { beta }, () => x.mul(gate(x, beta))) as T;
}
