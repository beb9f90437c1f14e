import { GmrError, product } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { checkTensor } from "./checks.ts";
import { checkPositions } from "./kernels/checks.ts";
import type { KernelDeclaration, NoAttrs } from "./kernels/declaration.ts";
import { runKernel, runOrCompose } from "./kernels/run.ts";

/** y[n, p, c] = x[n, p, c] · scale[p], with x [N, ..., C] and scale [P] for its P positions. */
export const ScaleRows: KernelDeclaration<{ x: tf.TensorInfo; scale: tf.TensorInfo }, NoAttrs> = {
  name: "ScaleRows",
  check: ({ x, scale }) => checkPositions(x, scale),
  gradient: {
    inputs: ["scale"],
    compute: ([dy], [scale]) => ({ x: () => runKernel(ScaleRows, { x: dy, scale }, {}) }),
  },
};

/**
 * x[n, ..., c] · scale[...]: every position of a map times a constant, the same for all images and channels.
 * Differentiable in x; `scale` counts as a constant.
 *
 * @param x [N, ...spatial, C]
 * @param scale one number per position, row-major
 * @throws GmrError `invalid-shape` if `scale` does not have one number per position
 */
export function scalePositions<T extends tf.Tensor>(x: T, scale: Float32Array): T {
  checkTensor("x", x, [3, 4, 5], "[N, ...spatial, C]");
  const spatial = x.shape.slice(1, -1);
  const positions = product(spatial);
  if (scale.length !== positions) {
    throw new GmrError(
      "invalid-shape",
      `scale must hold ${positions} numbers, one per position of x [${x.shape}], got ${scale.length}`,
    );
  }
  return tf.tidy(() =>
    runOrCompose(ScaleRows, { x, scale: tf.tensor1d(scale) }, {}, () =>
      x.mul(tf.tensor(scale, [1, ...spatial, 1])),
    ),
  ) as T;
}
