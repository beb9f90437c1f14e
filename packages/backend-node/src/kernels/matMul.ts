// Products of single matrices, which the stock kernel computes by an op for many that is slower for one.

import { kernelConfig, overrideKernel } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { runNativeSingle } from "../nativeOps.ts";

interface MatMulInputs {
  a: tf.TensorInfo;
  b: tf.TensorInfo;
}

const single = kernelConfig<MatMulInputs, { transposeA: boolean; transposeB: boolean }>(
  { name: tf.BatchMatMul },
  "tensorflow",
  ({ a, b }, { transposeA, transposeB }, backend) =>
    runNativeSingle(backend, (ops) => {
      const [left, right] = [a, b].map((matrix) => ops.reshape(ops.input(matrix), matrix.shape.slice(-2)));
      const y = ops.matMul(left, right, transposeA, transposeB);
      return ops.reshape(y, [...a.shape.slice(0, -2), ...y.shape]);
    }),
);

const isSingle = ({ shape, dtype }: tf.TensorInfo): boolean =>
  dtype === "float32" && (shape.length === 2 || (shape.length === 3 && shape[0] === 1));

export const matMulKernel = overrideKernel(tf.BatchMatMul, "tensorflow", (args, stock) => {
  const { a, b } = args.inputs as unknown as MatMulInputs;
  const ours = isSingle(a) && isSingle(b) && a.shape.length === b.shape.length;
  return (ours ? single.kernelFunc : stock)(args);
});
