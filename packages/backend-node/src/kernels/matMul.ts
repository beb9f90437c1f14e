// Products of single matrices, which the stock kernel computes by an op for many that is slower for one.

import * as tf from "@tensorflow/tfjs";
import { node, runNativeSingle } from "../state.ts";

const isSingle = ({ shape, dtype }: tf.TensorInfo): boolean =>
  dtype === "float32" && (shape.length === 2 || (shape.length === 3 && shape[0] === 1));

export const matMulKernels = [
  node.override<Record<"a" | "b", tf.TensorInfo>, Record<"transposeA" | "transposeB", boolean>>(
    tf.BatchMatMul,
    ({ a, b }, { transposeA, transposeB }, state, stock) => {
      if (!isSingle(a) || !isSingle(b) || a.shape.length !== b.shape.length) return stock();
      return runNativeSingle(state, (ops) => {
        const [left, right] = [a, b].map((matrix) => ops.reshape(ops.input(matrix), matrix.shape.slice(-2)));
        const y = ops.matMul(left, right, transposeA, transposeB);
        return ops.reshape(y, [...a.shape.slice(0, -2), ...y.shape]);
      });
    },
  ),
];
