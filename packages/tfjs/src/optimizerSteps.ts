// One optimiser step for one parameter, as one kernel where the backend has it.

import { checkKeys, GmrError, type KeysOf } from "@gmr-conv/core";
import type * as tf from "@tensorflow/tfjs";
import { checkTensor } from "./checks.ts";
import { checkEqual } from "./kernels/checks.ts";
import type { KernelDeclaration } from "./kernels/declaration.ts";
import { runOrComposeMulti } from "./kernels/run.ts";

export interface AdamWAttrs extends tf.NamedAttrMap {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  /** The parameter is multiplied by 1 - learningRate · weightDecay. */
  weightDecay: number;
  /** Number of this step, from 1. */
  step: number;
}

export interface SgdAttrs extends tf.NamedAttrMap {
  learningRate: number;
  momentum: number;
  weightDecay: number;
}

const ADAMW_KEYS: KeysOf<AdamWAttrs> = {
  learningRate: true,
  beta1: true,
  beta2: true,
  epsilon: true,
  weightDecay: true,
  step: true,
};
const SGD_KEYS: KeysOf<SgdAttrs> = { learningRate: true, momentum: true, weightDecay: true };

/** [parameter, first, second] after one step of AdamW. */
export const AdamWUpdate: KernelDeclaration<
  { parameter: tf.TensorInfo; gradient: tf.TensorInfo; first: tf.TensorInfo; second: tf.TensorInfo },
  AdamWAttrs
> = { name: "AdamWUpdate", check: (inputs) => checkEqual(inputs) };

/** [parameter, velocity] after one step of SGD with Nesterov momentum. */
export const SgdUpdate: KernelDeclaration<
  { parameter: tf.TensorInfo; gradient: tf.TensorInfo; velocity: tf.TensorInfo },
  SgdAttrs
> = { name: "SgdUpdate", check: (inputs) => checkEqual(inputs) };

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
  checkKeys("the options of adamWUpdate", attrs, ADAMW_KEYS);
  const { learningRate, beta1, beta2, epsilon, weightDecay, step } = attrs;
  return runOrComposeMulti(AdamWUpdate, { parameter, gradient, first, second }, attrs, () => {
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
  checkKeys("the options of sgdUpdate", attrs, SGD_KEYS);
  const { learningRate, momentum, weightDecay } = attrs;
  return runOrComposeMulti(SgdUpdate, { parameter, gradient, velocity }, attrs, () => {
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
