import { GmrError } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { checkTensor } from "./checks.ts";
import { registerGradients } from "./gradients.ts";
import { hasKernel, runKernel, ScaleRows } from "./kernels.ts";

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
  const positions = spatial.reduce((a, b) => a * b, 1);
  if (scale.length !== positions) {
    throw new GmrError(
      "invalid-shape",
      `scale must hold ${positions} numbers, one per position of x [${x.shape}], got ${scale.length}`,
    );
  }
  return tf.tidy(() => {
    if (!hasKernel(ScaleRows)) return x.mul(tf.tensor(scale, [1, ...spatial, 1]));
    registerGradients();
    return runKernel(ScaleRows, { x, scale: tf.tensor1d(scale) }, {});
  }) as T;
}
