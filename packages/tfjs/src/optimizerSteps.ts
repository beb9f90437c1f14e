// One step of an optimiser for one parameter, as one kernel where the backend has it.

import { GmrError } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { checkTensor } from "./checks.ts";
import {
  type AdamWAttrs,
  AdamWUpdate,
  hasKernel,
  runKernelMulti,
  type SgdAttrs,
  SgdUpdate,
} from "./kernels.ts";

/**
 * AdamW (Loshchilov & Hutter 2019): with bias-corrected moments m̂, v̂,
 * `p ← (1 - lr · decay) p - lr · m̂ / (√v̂ + ε)`.
 * @returns the new [parameter, first moment, second moment]
 * @throws GmrError `invalid-shape` if the shapes differ
 */
export function adamWUpdate<T extends tf.Tensor>(
  parameter: T,
  gradient: T,
  first: T,
  second: T,
  attrs: AdamWAttrs,
): [T, T, T] {
  checkSameShape({ parameter, gradient, first, second });
  if (hasKernel(AdamWUpdate)) {
    return runKernelMulti(AdamWUpdate, { parameter, gradient, first, second }, attrs) as [T, T, T];
  }
  const { learningRate, beta1, beta2, epsilon, weightDecay, step } = attrs;
  return tf.tidy(() => {
    const m = first.mul(beta1).add(gradient.mul(1 - beta1));
    const v = second.mul(beta2).add(gradient.square().mul(1 - beta2));
    const root = v.div(1 - beta2 ** step).sqrt();
    const change = m.mul(learningRate / (1 - beta1 ** step)).div(root.add(epsilon));
    return [parameter.mul(1 - learningRate * weightDecay).sub(change), m, v];
  }) as [T, T, T];
}

/**
 * SGD with Nesterov momentum μ: `v ← μv + g`, `p ← (1 - lr · decay) p - lr (μv + g)`.
 * @returns the new [parameter, velocity]
 * @throws GmrError `invalid-shape` if the shapes differ
 */
export function sgdUpdate<T extends tf.Tensor>(
  parameter: T,
  gradient: T,
  velocity: T,
  attrs: SgdAttrs,
): [T, T] {
  checkSameShape({ parameter, gradient, velocity });
  if (hasKernel(SgdUpdate)) {
    return runKernelMulti(SgdUpdate, { parameter, gradient, velocity }, attrs) as [T, T];
  }
  const { learningRate, momentum, weightDecay } = attrs;
  return tf.tidy(() => {
    const v = velocity.mul(momentum).add(gradient);
    const change = v.mul(momentum).add(gradient).mul(learningRate);
    return [parameter.mul(1 - learningRate * weightDecay).sub(change), v];
  }) as [T, T];
}

function checkSameShape(tensors: { parameter: tf.Tensor } & Record<string, tf.Tensor>): void {
  const { shape } = tensors.parameter;
  for (const [name, tensor] of Object.entries(tensors)) {
    if (tensor.shape.length !== shape.length || tensor.shape.some((size, axis) => size !== shape[axis])) {
      throw new GmrError(
        "invalid-shape",
        `${name} must have the parameter's shape [${shape}], got [${tensor.shape}]`,
      );
    }
    if (tensor.dtype !== "float32") checkTensor(name, tensor, "any", `[${shape}]`);
  }
}
