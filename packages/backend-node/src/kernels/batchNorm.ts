// Batch normalisation in training, by TensorFlow's fused ops.

import { product } from "@gmr-conv/core";
import {
  BatchNormTraining,
  type BatchNormTrainingAttrs,
  BatchNormTrainingGrad,
  BatchNormTrainingParamGrad,
  kernelConfig,
} from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import { type NativeBackend, nativeBackend } from "../nativeBackend.ts";
import { type Native, type NativeOps, runNative, runNativeSingle } from "../nativeOps.ts";

type GradInputs = Record<"dy" | "x" | "gamma" | "beta" | "mean" | "variance", tf.TensorInfo>;

/** x [..., C] as [rows, 1, 1, C]. */
function asImage(ops: NativeOps, x: Native): Native {
  const channels = x.shape[x.shape.length - 1];
  return ops.reshape(x, [product(x.shape) / channels, 1, 1, channels]);
}

function attrsOf(ops: NativeOps, epsilon: number, training: boolean) {
  return [
    ops.type("U"),
    ops.float("epsilon", epsilon),
    ops.string("data_format", "NHWC"),
    ops.bool("is_training", training),
  ];
}

/** (x - mean) / √(variance + ε) · gamma + beta; mean and variance are those of x where they are not given. */
function normalise(
  ops: NativeOps,
  [x, gamma, beta]: readonly Native[],
  epsilon: number,
  given?: { mean: Native; variance: Native },
): { y: Native; mean: Native; variance: Native } {
  const none = ops.upload(new Float32Array(0), [0]);
  const { mean, variance } = given ?? { mean: none, variance: none };
  const inputs = [x, gamma, beta, mean, variance].map(({ id }) => id);
  const attrs = [...attrsOf(ops, epsilon, !given), ops.float("exponential_avg_factor", 1)];
  const [y, batchMean, batchVariance] = ops.run("FusedBatchNormV3", attrs, inputs, 6);
  return { y, mean: batchMean, variance: batchVariance };
}

export const batchNormTrainingConfig = kernelConfig(
  BatchNormTraining,
  "tensorflow",
  ({ x, gamma, beta }, { epsilon, relu }, backend) =>
    runNative(backend, (ops) => {
      const [channels] = gamma.shape;
      const rows = product(x.shape) / channels;
      if (rows === 0) return [ops.zeros(x.shape), ops.zeros([channels]), ops.zeros([channels])];
      const inputs = [asImage(ops, ops.input(x)), ops.input(gamma), ops.input(beta)];
      const { y, mean, variance } = normalise(ops, inputs, epsilon);
      // TensorFlow gives the unbiased variance.
      const biased = rows === 1 ? variance : ops.binary("Mul", variance, ops.scalar((rows - 1) / rows));
      return [ops.reshape(relu ? ops.unary("Relu", y) : y, x.shape), mean, biased];
    }),
);

/** The gradients of gamma and beta, which come with that of x and are asked for right after it: of the last call only. */
interface ParamGradients {
  dy: object;
  x: object;
  params: Native[];
}

const remembered = new WeakMap<NativeBackend, ParamGradients>();

/** dx, dgamma and dbeta. */
function gradients(
  ops: NativeOps,
  { dy, x, gamma, beta, mean, variance }: GradInputs,
  { epsilon, relu }: BatchNormTrainingAttrs,
): Native[] {
  const image = asImage(ops, ops.input(x));
  const scale = ops.input(gamma);
  const given = { mean: ops.input(mean), variance: ops.input(variance) };
  let gradient = asImage(ops, ops.input(dy));
  if (relu) {
    const { y } = normalise(ops, [image, scale, ops.input(beta)], epsilon, given);
    gradient = ops.binary("ReluGrad", gradient, y);
  }
  // What the forward pass hands to the backward pass differs: on GPUs it is cuDNN's 1 / √(variance + ε).
  const saved = ops.backend.isUsingGpuDevice
    ? ops.unary("Rsqrt", ops.binary("AddV2", given.variance, ops.scalar(epsilon)))
    : given.variance;
  const inputs = [gradient, image, scale, given.mean, saved].map(({ id }) => id);
  const [dx, ...params] = ops.run("FusedBatchNormGradV2", attrsOf(ops, epsilon, true), inputs, 5);
  return [ops.reshape(dx, x.shape), ...params.slice(0, 2)];
}

export const batchNormTrainingGradConfig = kernelConfig(
  BatchNormTrainingGrad,
  "tensorflow",
  (inputs, attrs, backend) =>
    runNativeSingle(backend, (ops) => {
      if (product(inputs.x.shape) === 0) return ops.zeros(inputs.x.shape);
      const [dx, ...params] = gradients(ops, inputs, attrs);
      const last = remembered.get(ops.backend)?.params ?? [];
      for (const { id } of last) ops.backend.binding.deleteTensor(id);
      const { dy, x } = inputs;
      remembered.set(ops.backend, {
        dy: dy.dataId,
        x: x.dataId,
        params: params.map((param) => ops.keep(param)),
      });
      return dx;
    }),
);

export const batchNormTrainingParamGradConfig = kernelConfig(
  BatchNormTrainingParamGrad,
  "tensorflow",
  (inputs, attrs, backend) =>
    runNative(backend, (ops) => {
      const { dy, x, gamma } = inputs;
      if (product(x.shape) === 0) return [ops.zeros(gamma.shape), ops.zeros(gamma.shape)];
      const last = remembered.get(nativeBackend(backend));
      if (last?.dy === dy.dataId && last.x === x.dataId) return last.params.map((param) => ops.alias(param));
      return gradients(ops, inputs, attrs).slice(1);
    }),
);
