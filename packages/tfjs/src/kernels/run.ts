// How ops run kernels of the active backend.

import * as tf from "@tensorflow/tfjs";
import { mendGradients } from "../gradients.ts";
import { releaseGradientsBefore } from "../releaseGradients.ts";
import type { KernelDeclaration } from "./declaration.ts";

/** Whether the active backend implements a kernel. */
export function hasKernel<Inputs, Attrs>(kernel: KernelDeclaration<Inputs, Attrs>): boolean {
  return tf.getKernel(kernel.name, tf.getBackend()) != null;
}

type TensorsOf<Inputs> = { [Name in keyof Inputs]: tf.Tensor };

/** Runs a kernel with several outputs on the active backend, which must implement it. */
export function runKernelMulti<Inputs, Attrs extends tf.NamedAttrMap>(
  kernel: KernelDeclaration<Inputs, Attrs>,
  inputs: TensorsOf<Inputs> & tf.NamedTensorMap,
  attrs: Attrs,
): tf.Tensor[] {
  mendGradients();
  registerGradient(kernel);
  const result = tf.engine().runKernel<tf.Tensor | tf.Tensor[]>(kernel.name, inputs, attrs);
  return Array.isArray(result) ? result : [result];
}

/** Runs a kernel with one output on the active backend, which must implement it. */
export function runKernel<Inputs, Attrs extends tf.NamedAttrMap>(
  kernel: KernelDeclaration<Inputs, Attrs>,
  inputs: TensorsOf<Inputs> & tf.NamedTensorMap,
  attrs: Attrs,
): tf.Tensor {
  return runKernelMulti(kernel, inputs, attrs)[0];
}

/**
 * Runs a kernel if the active backend implements it; otherwise `composed` computes the same from stock ops.
 * @returns the outputs, in the kernel's order
 */
export function runOrComposeMulti<Inputs, Attrs extends tf.NamedAttrMap>(
  kernel: KernelDeclaration<Inputs, Attrs>,
  inputs: TensorsOf<Inputs> & tf.NamedTensorMap,
  attrs: Attrs,
  composed: () => tf.Tensor[],
): tf.Tensor[] {
  if (hasKernel(kernel)) return runKernelMulti(kernel, inputs, attrs);
  mendGradients();
  return tf.tidy(composed);
}

/** As {@link runOrComposeMulti}, with one output. */
export function runOrCompose<Inputs, Attrs extends tf.NamedAttrMap>(
  kernel: KernelDeclaration<Inputs, Attrs>,
  inputs: TensorsOf<Inputs> & tf.NamedTensorMap,
  attrs: Attrs,
  composed: () => tf.Tensor,
): tf.Tensor {
  return runOrComposeMulti(kernel, inputs, attrs, () => [composed()])[0];
}

function registerGradient<Inputs, Attrs>({ name, gradient }: KernelDeclaration<Inputs, Attrs>): void {
  if (!gradient || tf.getGradient(name)) return;
  tf.registerGradient({
    kernelName: name,
    inputsToSave: [...gradient.inputs],
    ...(gradient.outputs && { outputsToSave: [...gradient.outputs] }),
    gradFunc: (dy, saved, attrs) => {
      releaseGradientsBefore(dy, saved);
      const dys = Array.isArray(dy) ? dy : [dy];
      return gradient.compute(dys, saved, attrs as Attrs) as Record<string, () => tf.Tensor>;
    },
  });
}
