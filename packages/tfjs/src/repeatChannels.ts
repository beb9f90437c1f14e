import { checkPositiveInteger } from "@gmr-conv/core";
import type * as tf from "@tensorflow/tfjs";
import { checkEqual } from "./kernels/checks.ts";
import type { KernelDeclaration } from "./kernels/declaration.ts";
import { runOrCompose } from "./kernels/run.ts";

/** y[..., c · times + i] = x[..., c], with x [..., C] and y [..., C · times]. */
export const RepeatChannels: KernelDeclaration<{ x: tf.TensorInfo }, { times: number }> = {
  name: "RepeatChannels",
  check: ({ x }, { times }) => {
    checkEqual({ x });
    checkPositiveInteger("times", times);
  },
  gradient: {
    inputs: [],
    compute: ([dy], _saved, { times }) => ({
      x: () => {
        const shape = dy.shape.slice(0, -1);
        const channels = dy.shape[dy.rank - 1] / times;
        // In three dimensions: few ops take more than six.
        return dy
          .reshape([-1, channels, times])
          .sum(-1)
          .reshape([...shape, channels]);
      },
    }),
  },
};

/** Each channel of x [..., C] `times` times, one after the other, [..., C · times]. */
export function repeatChannels(x: tf.Tensor, times: number): tf.Tensor {
  if (times === 1) return x;
  const channels = x.shape[x.rank - 1];
  return runOrCompose(RepeatChannels, { x }, { times }, () =>
    x
      .reshape<tf.Tensor3D>([-1, channels, 1])
      .tile([1, 1, times])
      .reshape([...x.shape.slice(0, -1), channels * times]),
  );
}
