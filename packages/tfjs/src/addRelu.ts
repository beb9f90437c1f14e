import { GmrError } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { checkTensor } from "./checks.ts";
import { registerGradients } from "./gradients.ts";
import { AddRelu, hasKernel, runKernel } from "./kernels.ts";

/**
 * max(a + b, 0), the end of a residual block, in one pass. Differentiable on every backend.
 * @throws GmrError `invalid-shape` if the shapes differ, `invalid-argument` for other dtypes than float32
 */
export function addRelu<T extends tf.Tensor>(a: T, b: T): T {
  checkTensor("a", a, "any", "[...]");
  checkTensor("b", b, "any", "[...]");
  if (a.shape.join() !== b.shape.join()) {
    throw new GmrError("invalid-shape", `addRelu needs equal shapes, got [${a.shape}] and [${b.shape}]`);
  }
  if (!hasKernel(AddRelu)) return tf.tidy(() => a.add<T>(b).relu());
  registerGradients();
  return runKernel(AddRelu, { a, b }, {}) as T;
}
