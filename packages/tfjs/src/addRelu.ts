import { GmrError } from "@gmr-conv/core";
import type * as tf from "@tensorflow/tfjs";
import { checkTensor } from "./checks.ts";
import { zerosOf } from "./differentiate.ts";
import { checkEqual } from "./kernels/checks.ts";
import type { KernelDeclaration, NoAttrs } from "./kernels/declaration.ts";
import { runKernel, runOrCompose } from "./kernels/run.ts";

/** y = max(a + b, 0), shapes equal. */
export const AddRelu: KernelDeclaration<{ a: tf.TensorInfo; b: tf.TensorInfo }, NoAttrs> = {
  name: "AddRelu",
  check: (inputs) => checkEqual(inputs),
  gradient: {
    inputs: [],
    outputs: [true],
    compute: ([dy], [y]) => {
      // Both inputs have the same gradient: the second shares the data of the first.
      let first: tf.Tensor | undefined;
      const gradient = (): tf.Tensor => {
        if (first && !first.isDisposed) return first.clone();
        first = runKernel(ReluGrad, { dy, y }, {});
        return first;
      };
      return { a: gradient, b: gradient };
    },
  },
};

/** dx = dy where y > 0, else 0. */
export const ReluGrad: KernelDeclaration<{ dy: tf.TensorInfo; y: tf.TensorInfo }, NoAttrs> = {
  name: "ReluGrad",
  check: (inputs) => checkEqual(inputs),
  gradient: {
    inputs: ["y"],
    compute: ([ddx], [y]) => ({ dy: () => runKernel(ReluGrad, { dy: ddx, y }, {}), y: zerosOf(y) }),
  },
};

/**
 * max(a + b, 0), the end of a residual block, in one pass. Differentiable on every backend.
 * @throws GmrError `invalid-shape` if the shapes differ, `invalid-argument` for dtypes other than float32
 */
export function addRelu<T extends tf.Tensor>(a: T, b: T): T {
  checkTensor("a", a, "any", "[...]");
  checkTensor("b", b, "any", "[...]");
  if (a.shape.join() !== b.shape.join()) {
    throw new GmrError("invalid-shape", `addRelu needs equal shapes, got [${a.shape}] and [${b.shape}]`);
  }
  return runOrCompose(AddRelu, { a, b }, {}, () => a.add<T>(b).relu()) as T;
}
